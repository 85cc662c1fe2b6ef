use std::fs;

use launch_doctor::fanout::report::schema;
use serde_json::Value;
use tempfile::TempDir;

use super::{RELEASES, doctor, json, project};

#[test]
fn the_schema_in_the_documents_is_that_of_the_types_and_holds() {
    let path = project("docs/fanout.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, schema()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == schema(),
        "docs/fanout.schema.json is stale: UPDATE_DOCS=1 cargo nextest run schema"
    );
    let schema: Value = serde_json::from_str(&written).unwrap();
    let validator =
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    for release in RELEASES {
        let report = json(&mut doctor(release));
        let errors: Vec<String> = validator
            .iter_errors(&report)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{release}: {errors:?}");
        let mut wrong = report.clone();
        wrong["fanout"]["complete"] = Value::Null;
        assert!(!validator.is_valid(&wrong));
    }
}

#[test]
fn ndjson_has_a_line_for_each_part() {
    let output = doctor("debian-13").args(["--format", "ndjson"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["begin", "fire", "end"]);
    assert_eq!(lines[2]["totals"]["spawned"], 17);
}

#[test]
fn the_page_is_one_file_that_loads_nothing_and_has_every_unit_twice() {
    let output = doctor("debian-14").args(["--format", "html"]).output().unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    for forbidden in ["<script", "http://", "https://", "url(", "@import", "<link", "<img"] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let report = json(&mut doctor("debian-14"));
    for unit in report["fanout"]["fires"][0]["units"].as_array().unwrap() {
        let name = unit["unit"].as_str().unwrap();
        assert!(page.contains(&format!("<td>{name}</td>")), "{name}");
        assert!(page.contains(&format!("<b>{name}</b>")), "{name}");
    }
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
    assert!(page.contains("doctor explain env-block-spaces"));
}

#[test]
fn a_page_of_a_thousand_units_is_below_one_mebibyte_and_hostile_names_stay_text() {
    let dir = TempDir::new().unwrap();
    let journal = dir.path().join("journal.json");
    let mut lines = String::new();
    for number in 0..1000u64 {
        let at = 1_795_890_000_000_000 + number * 1000;
        let unit = format!("<script>alert({number})</script>-bob-fanout.service");
        for (id, message, at) in [
            ("7d4958e842da4a758f6c1cdc7b36dcc5", "Starting", at),
            ("39f53479d3a045ac8e11786248231fbf", "Finished", at + 9_000_000),
        ] {
            let entry = serde_json::json!({
                "__REALTIME_TIMESTAMP": at.to_string(), "__MONOTONIC_TIMESTAMP": at.to_string(),
                "MESSAGE_ID": id, "USER_UNIT": unit, "USER_INVOCATION_ID": number.to_string(),
                "MESSAGE": format!("{message} x"),
            });
            lines.push_str(&entry.to_string());
            lines.push('\n');
        }
    }
    fs::write(&journal, lines).unwrap();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_doctor"));
    let output =
        command.args(["fanout", "--format", "html", "--journal"]).arg(&journal).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.len() <= 1 << 20, "{} bytes", output.stdout.len());
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(999)"));
}

#[test]
fn a_trace_has_a_thread_for_each_unit() {
    let output = doctor("debian-12").args(["--format", "trace"]).output().unwrap();
    let trace: Value = serde_json::from_slice(&output.stdout).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let report = json(&mut doctor("debian-12"));
    let units = report["fanout"]["fires"][0]["units"].as_array().unwrap().len();
    let named = events.iter().filter(|event| event["name"] == "thread_name").count();
    assert_eq!(named, units);
    for event in events {
        assert!(event["ph"].is_string() && event["pid"].is_u64() && event["tid"].is_u64());
        assert!(event["ph"] == "M" || event["ts"].is_i64());
    }
    let whole =
        events.iter().find(|event| event["name"] == "m-okone.service" && event["ph"] == "X");
    assert!((500_000..900_000).contains(&whole.unwrap()["dur"].as_i64().unwrap()));
}
