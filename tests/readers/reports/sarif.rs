use std::fs;

use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, Report, render};
use serde_json::{Value, json};

use super::doctor;
use super::fixture::{hostile_report, sample_report};
use super::report_readers::reader;

fn log(report: &Report) -> Value {
    serde_json::from_str(&render(report, Format::Sarif, 80)).expect("a document")
}

/// What a validator has against a log, by the schema of SARIF 2.1.0.
fn violations(log: &Value) -> Vec<String> {
    let schema = fs::read_to_string(reader("sarif-2.1.0.json")).unwrap();
    // The pattern of a language has a bracket too many there, and is not a regular expression.
    let schema = schema.replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema: Value = serde_json::from_str(&schema).expect("a schema is JSON");
    let validator = jsonschema::draft7::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("it is valid by the schema of schemas");
    validator.iter_errors(log).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn every_log_is_valid_by_the_schema_of_sarif() {
    for report in [hostile_report(FailOn::Fail), hostile_report(FailOn::Change), sample_report()] {
        assert_eq!(violations(&log(&report)), [""; 0]);
    }
    for args in [&["check", "lock", "scope"][..], &["check", "lock", "--skip", "lock"]] {
        let run = doctor().args(args).args(["--format", "sarif"]).assert();
        let log = serde_json::from_slice(&run.get_output().stdout).unwrap();
        assert_eq!(violations(&log), [""; 0]);
    }
}

#[test]
fn the_validator_sees_what_is_wrong() {
    let mut log = log(&sample_report());
    log["version"] = json!("2.0.0");
    log["runs"][0]["results"][0]["level"] = json!("loud");
    log["runs"][0]["results"][0].as_object_mut().unwrap().remove("message");
    assert_eq!(violations(&log).len(), 3);
}

#[test]
fn findings_are_results_and_what_is_unmeasured_is_a_notification() {
    let log = log(&hostile_report(FailOn::Fail));
    let run = &log["runs"][0];
    let results: Vec<String> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| format!("{} {}", result["level"], result["ruleId"]).replace('"', ""))
        .collect();
    let expected = [
        "error probe-fail",
        "warning probe-regressed",
        "warning probe-warn",
        "note probe-relaxable",
        "note probe-waived",
    ];
    assert_eq!(results, expected);
    assert_eq!(run["results"][4]["suppressions"][0]["status"], "accepted");
    let message = run["results"][0]["message"]["text"].as_str().unwrap();
    assert!(message.ends_with("\n$ loginctl enable-linger agent"), "{message}");
    let invocation = &run["invocations"][0];
    assert_eq!(invocation["toolExecutionNotifications"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&invocation["exitCode"], &invocation["executionSuccessful"]),
        (&json!(1), &json!(false))
    );
    for result in run["results"].as_array().unwrap() {
        let rule = &run["tool"]["driver"]["rules"]
            [usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
    }
}
