use serde_json::{Value, json};

use super::ScopesReport;

/// Returns the report as lines: `begin`, one for each slice and each row, and `end`.
pub fn ndjson(report: &ScopesReport) -> String {
    let begin = json!({
        "type": "begin",
        "schema": report.schema,
        "doctor": report.doctor,
        "host": report.host,
    });
    let typed = |kind: &str, value: Value| {
        let mut line = json!({ "type": kind });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), value) {
            line.extend(fields);
        }
        line
    };
    let slices = report.slices.iter().map(|slice| typed("slice", json!(slice)));
    let scopes = report.scopes.iter().map(|scope| typed("scope", json!(scope)));
    let end = json!({ "type": "end", "incomplete": report.incomplete, "exit": report.exit });
    let mut text = String::new();
    for line in std::iter::once(begin).chain(slices).chain(scopes).chain([end]) {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}
