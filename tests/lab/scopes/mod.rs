//! `doctor scopes` beside a scene whose every owner is known.

mod lost_panes;
mod owners;
mod unreadable;

use std::process::Output;

use serde_json::Value;

use crate::lab::{Machine, Release, project};

/// A machine in which the scene runs, for the user `agent`, who lingers.
fn scene(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let script = std::fs::read_to_string(project("tests/lab/scopes/scene.sh")).unwrap();
    machine.script("agent", &script);
    machine
}

/// Runs `doctor scopes --format json ARGS` as `agent`, and returns its status and its report.
#[track_caller]
fn scopes(machine: &Machine, args: &[&str]) -> (i32, Value) {
    let output = machine.agent(&[&["doctor", "scopes", "--format", "json"], args].concat());
    (status(&output), report(&output))
}

#[track_caller]
fn report(output: &Output) -> Value {
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let schema = std::fs::read_to_string(project("docs/scopes.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator =
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{report:#}");
    report
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("the doctor is not ended by a signal")
}

/// Returns the rows of a report by their units, and those of panes outside by their agents.
fn rows(report: &Value) -> Vec<(String, Option<String>, Option<String>)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let row = |scope: &Value| {
        let owner = &scope["owner"];
        let unit = if scope["outside"] == true { "outside" } else { scope["unit"].as_str()? };
        let target = text(&owner["session"]).or_else(|| text(&owner["unit"]));
        Some((unit.to_owned(), target, text(&owner["by"])))
    };
    report["scopes"].as_array().unwrap().iter().filter_map(row).collect()
}
