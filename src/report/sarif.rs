use jiff::SignedDuration;
use serde_json::{Value, json};

use super::details::{command_lines, details, finding_line};
use super::model::{ProbeReport, Report};
use super::test_status::{TestStatus, worst_first};
use crate::judge::{Finding, Verdict};
use crate::text::sanitize::{one_line, printable};

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The file in which a finding of a host can be accepted. Code scanning shows only results in a file.
const POLICY: &str = "doctor.toml";

/// Formats a report as a SARIF log (Static Analysis Results Interchange Format 2.1.0): a rule for each probe, a
/// result for each finding, a notification for each probe that could not be measured.
pub(super) fn render(report: &Report) -> String {
    let results: Vec<Value> = worst_first(report)
        .into_iter()
        .flat_map(|probe| probe.findings.iter().map(move |finding| (probe, finding)))
        .map(|(probe, finding)| result(report, probe, finding))
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "launch-doctor",
                "version": report.doctor.version,
                "rules": report.probes.iter().map(rule).collect::<Vec<_>>(),
            }},
            "invocations": [invocation(report)],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(probe: &ProbeReport) -> Value {
    json!({
        "id": probe.id,
        "shortDescription": { "text": shown(&probe.title) },
        "help": { "text": format!("doctor explain {}", probe.id) },
        "properties": { "tags": [probe.group] },
    })
}

fn invocation(report: &Report) -> Value {
    let duration = SignedDuration::from_secs_f64(report.seconds);
    let end = report.started.checked_add(duration).unwrap_or(report.started);
    let unmeasured = report.probes.iter().enumerate();
    let unmeasured = unmeasured.filter(|(_, probe)| probe.verdict == Verdict::Unmeasured);
    let notifications: Vec<Value> = unmeasured
        .map(|(index, probe)| {
            json!({
                "associatedRule": { "id": probe.id, "index": index },
                "level": "error",
                "message": { "text": shown(&format!("not measured: {}", probe.summary)) },
            })
        })
        .collect();
    let mut invocation = json!({
        "executionSuccessful": notifications.is_empty(),
        "exitCode": report.exit.code(),
        "startTimeUtc": report.started.to_string(),
        "endTimeUtc": end.to_string(),
        "toolExecutionNotifications": notifications,
    });
    let notes: Vec<Value> = report
        .notes()
        .map(|note| json!({ "level": "note", "message": { "text": one_line(&note) } }))
        .collect();
    invocation["toolConfigurationNotifications"] = notes.into();
    if let Some(name) = &report.host.name {
        invocation["machine"] = one_line(name).into();
    }
    invocation
}

fn result(report: &Report, probe: &ProbeReport, finding: &Finding) -> Value {
    let level = match (TestStatus::of(probe, report), finding.verdict) {
        (TestStatus::Failed, _) => "error",
        (_, Verdict::Relaxable | Verdict::Waived) => "note",
        _ => "warning",
    };
    let index = report.probes.iter().position(|it| it.id == probe.id);
    let host = report.host.name.as_deref().map_or_else(|| "this host".to_owned(), one_line);
    let mut lines = vec![probe.summary.clone(), finding_line(finding)];
    lines.extend(command_lines(probe));
    let mut result = json!({
        "ruleId": probe.id,
        "ruleIndex": index,
        "level": level,
        "message": { "text": shown(&lines.join("\n")) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": POLICY },
                "region": { "startLine": 1 },
            },
            "logicalLocations": [{ "name": host, "kind": "resource" }],
        }],
        "partialFingerprints": {
            "finding/v1": format!("{}/{}/{}", probe.id, finding.fact, finding.measured),
        },
        "properties": {
            "verdict": finding.verdict,
            "fact": finding.fact,
            "measured": finding.measured,
            "expected": finding.expected,
            "look": probe.look,
            "fix": probe.fix,
            "details": details(probe),
        },
    });
    if finding.verdict == Verdict::Waived {
        result["suppressions"] = json!([{
            "kind": "external",
            "status": "accepted",
            "justification": shown(&finding.text),
        }]);
    }
    result
}

fn shown(text: &str) -> String {
    printable(text).into_owned()
}
