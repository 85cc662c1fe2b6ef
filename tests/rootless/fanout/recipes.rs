//! The recipes for monitoring. tests/readers has promtool read them.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{doctor, project};

/// Every metric that the rules and the dashboard name is one that the doctor writes.
#[test]
fn the_recipes_name_no_metric_that_is_not_written() {
    let output = doctor("debian-13").args(["--format", "prometheus"]).output().unwrap();
    let mut written = String::from_utf8(output.stdout).unwrap();
    // A recorded journal has no timer that could elapse next; a check has its own metrics.
    written
        .push_str("launch_doctor_fanout_next_fire_timestamp_seconds launch_doctor_probe_verdict");
    for file in ["prometheus/fan-out.rules.yml", "grafana/fan-out.json"] {
        let text = fs::read_to_string(project("ci/recipes").join(file)).unwrap();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for name in text.split(|c| !is_part(c)).filter(|it| it.starts_with("launch_doctor_")) {
            assert!(written.contains(name), "{file} names {name}");
        }
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_can_load() {
    let path = Path::new("ci/recipes/grafana/fan-out.json");
    let text = fs::read_to_string(project(path.to_str().unwrap())).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    // What Grafana's own schema of a dashboard demands (kinds/dashboard, schema version 39).
    let schema = serde_json::json!({
        "type": "object",
        "required": ["title", "schemaVersion", "panels", "templating", "time"],
        "properties": {
            "id": { "type": "null" },
            "uid": { "type": "string", "maxLength": 40 },
            "schemaVersion": { "const": 39 },
            "panels": { "type": "array", "minItems": 1, "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos", "datasource", "targets"],
                "properties": {
                    "type": { "enum": ["stat", "timeseries", "table", "state-timeline"] },
                    "gridPos": { "type": "object", "required": ["h", "w", "x", "y"],
                        "properties": { "w": { "maximum": 24 }, "x": { "maximum": 23 } } },
                    "datasource": { "type": "object", "required": ["type", "uid"] },
                    "targets": { "type": "array", "minItems": 1, "items": {
                        "type": "object", "required": ["refId", "expr"] } },
                },
            } },
        },
    });
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&dashboard)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut ids: Vec<u64> =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|it| it["id"].as_u64()).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count, "every panel has an id of its own");
}
