use crate::locks::{LockEvent, LocksReport};

/// Returns the report as one JSON document.
pub fn json(report: &LocksReport) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("its keys are text");
    text.push('\n');
    text
}

/// Returns a change as one line of JSON.
pub fn event_line(event: &LockEvent) -> String {
    let mut text = serde_json::to_string(event).expect("its keys are text");
    text.push('\n');
    text
}
