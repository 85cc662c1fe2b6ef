use serde_json::Value;

/// What a validator has against a report, by the schema in the documents.
pub(crate) fn violations(report: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json"))
        .expect("a schema is JSON");
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("it is valid by the schema of schemas");
    let errors = validator.iter_errors(report);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Asserts that a report is valid.
#[track_caller]
pub(crate) fn assert_valid(report: &Value) {
    let violations = violations(report);
    assert!(violations.is_empty(), "{}\n{report:#}", violations.join("\n"));
}
