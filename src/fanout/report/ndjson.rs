use serde_json::{Value, json};

use crate::fanout::FanoutReport;

/// The report as lines: `begin`, a line for each fire (the oldest first) and each lock, and `end`.
pub(super) fn render(report: &FanoutReport) -> String {
    let fanout = &report.fanout;
    let begin = json!({
        "type": "begin",
        "schema": report.schema,
        "doctor": report.doctor,
        "window": fanout.window,
        "source": fanout.source,
        "dispatchers": fanout.dispatchers,
        "units": fanout.units,
        "expected": fanout.expected,
    });
    let typed = |kind: &str, value: Value| {
        let mut line = json!({ "type": kind });
        if let (Some(line), Value::Object(fields)) = (line.as_object_mut(), value) {
            line.extend(fields);
        }
        line
    };
    let fires = fanout.fires.iter().rev().map(|fire| typed("fire", json!(fire)));
    let locks = fanout.locks.iter().map(|lock| typed("lock", json!(lock)));
    let end = json!({
        "type": "end",
        "complete": fanout.complete,
        "why": fanout.why,
        "totals": fanout.totals,
        "next_fire": fanout.next_fire,
        "exit": report.exit,
    });
    let mut text = String::new();
    for line in std::iter::once(begin).chain(fires).chain(locks).chain([end]) {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text
}
