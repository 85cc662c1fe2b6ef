//! The Chrome trace format ("Trace Event Format"), which Perfetto and <chrome://tracing> read.

use serde_json::{Value, json};

use crate::fanout::{FanoutReport, Fire, FireUnit};

/// The report as a trace: a process for each fire, a thread for each unit, and a counter of how many
/// ran.
pub(super) fn render(report: &FanoutReport) -> String {
    let mut events = Vec::new();
    for (index, fire) in report.fanout.fires.iter().rev().enumerate() {
        push_fire(&mut events, index + 1, fire);
    }
    for (index, lock) in report.fanout.locks.iter().enumerate() {
        for overlap in &lock.overlaps {
            events.push(json!({
                "name": format!("{} and {} inside {}", overlap.pids[0], overlap.pids[1], lock.name),
                "cat": "lock", "ph": "i", "s": "g", "pid": 0, "tid": index,
                "ts": overlap.at.saturating_mul(1_000_000),
                "args": { "proved": overlap.proved, "seconds": overlap.seconds },
            }));
        }
    }
    let trace = json!({
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": { "complete": report.fanout.complete.to_string() },
    });
    format!("{trace}\n")
}

fn push_fire(events: &mut Vec<Value>, pid: usize, fire: &Fire) {
    let name = format!("fire {:.0}", fire.at);
    events.push(json!({
        "name": "process_name", "ph": "M", "pid": pid, "tid": 0, "args": { "name": name },
    }));
    let mut changes: Vec<(i64, i64)> = Vec::new();
    for (index, unit) in fire.units.iter().enumerate() {
        let tid = index + 1;
        events.push(json!({
            "name": "thread_name", "ph": "M", "pid": pid, "tid": tid, "args": { "name": unit.unit },
        }));
        let Some(start) = unit.start.map(jiff::Timestamp::as_microsecond) else {
            events.push(mark(pid, tid, unit));
            continue;
        };
        match unit.end.map(jiff::Timestamp::as_microsecond) {
            Some(end) => {
                events.push(json!({
                    "name": unit.unit, "cat": unit.outcome.name(), "ph": "X",
                    "pid": pid, "tid": tid, "ts": start, "dur": (end - start).max(0),
                    "args": details(unit),
                }));
                changes.push((start, 1));
                changes.push((end.max(start), -1));
            }
            // An open end: viewers draw it to the end of the trace.
            None => events.push(json!({
                "name": unit.unit, "cat": unit.outcome.name(), "ph": "B",
                "pid": pid, "tid": tid, "ts": start, "args": details(unit),
            })),
        }
    }
    changes.sort_unstable();
    let mut running = 0;
    for (at, change) in changes {
        running += change;
        events.push(json!({
            "name": "units with a known end", "ph": "C", "pid": pid, "tid": 0, "ts": at,
            "args": { "running": running },
        }));
    }
}

fn mark(pid: usize, tid: usize, unit: &FireUnit) -> Value {
    json!({
        "name": format!("{} {}", unit.unit, unit.outcome.name()), "cat": unit.outcome.name(),
        "ph": "i", "s": "t", "pid": pid, "tid": tid, "ts": unit.at.as_microsecond(), "args": details(unit),
    })
}

fn details(unit: &FireUnit) -> Value {
    json!({
        "outcome": unit.outcome, "detail": unit.detail, "exit": unit.exit,
        "invocation": unit.invocation,
    })
}
