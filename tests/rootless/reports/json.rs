use std::{env, fs};

use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, Report, render, schema};
use serde_json::{Value, json};

use super::doctor;
use super::fixture::{HOSTILE, hostile_report, sample_report};
use crate::schema::{assert_valid, violations};

const SCHEMA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/report.schema.json");

fn document(report: &Report) -> Value {
    serde_json::from_str(&render(report, Format::Json, 80)).expect("a document")
}

/// `UPDATE_DOCS=1` writes it anew.
#[test]
fn the_schema_in_the_documents_is_that_of_the_types() {
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(SCHEMA, schema()).unwrap();
    }
    let written = fs::read_to_string(SCHEMA).unwrap_or_default();
    assert!(
        written == schema(),
        "docs/report.schema.json is stale: UPDATE_DOCS=1 cargo nextest run --test reports schema"
    );
}

#[test]
fn every_report_is_valid_and_keeps_every_character() {
    for report in [hostile_report(FailOn::Fail), hostile_report(FailOn::Change), sample_report()] {
        assert_valid(&document(&report));
    }
    let evidence = &document(&hostile_report(FailOn::Fail))["probes"][0]["evidence"][0];
    assert_eq!(evidence["argv"][1], HOSTILE);
    for args in [
        &["check", "session", "launcher"][..],
        &["gate", "session"],
        &["check", "lock", "--skip", "lock"],
    ] {
        let run = doctor().args(args).args(["--format", "json"]).assert();
        assert_valid(&serde_json::from_slice(&run.get_output().stdout).unwrap());
    }
}

#[test]
fn the_validator_sees_what_is_wrong() {
    let mut document = document(&sample_report());
    document["schema"] = json!(2);
    document["started"] = json!("yesterday");
    document["exit"] = json!(5);
    document["fail_on"] = json!("sometimes");
    document["probes"][0]["verdict"] = json!("fine");
    document["probes"][1].as_object_mut().unwrap().remove("facts");
    let violations = violations(&document);
    assert_eq!(violations.len(), 6, "{violations:#?}");
}

#[test]
fn the_lines_of_ndjson_hold_what_the_one_document_holds() {
    for report in [hostile_report(FailOn::Fail), sample_report()] {
        let lines: Vec<Value> = render(&report, Format::Ndjson, 80)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is a document"))
            .collect();
        assert!(lines.iter().all(|line| line["started"] == "2026-03-01T03:04:05.678Z"));
        let [run, probes @ .., end] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&run["type"], &end["type"]), (&json!("run"), &json!("end")));
        let mut document = run.as_object().unwrap().clone();
        document.extend(end.as_object().unwrap().clone());
        document.remove("type");
        let mut probes = probes.to_vec();
        for probe in &mut probes {
            let probe = probe.as_object_mut().unwrap();
            assert_eq!(probe.remove("type"), Some(json!("probe")));
            probe.remove("started");
        }
        document.insert("probes".into(), json!(probes));
        assert_eq!(json!(document), self::document(&report));
    }
}
