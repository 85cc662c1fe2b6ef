//! Slices of the user's manager: whether they are there, and whether what they say is in force.

#[path = "../lab/mod.rs"]
mod lab;

mod definition;
mod failed_units;
mod limits;

use lab::{Machine, Report};

const NESTING: &str = "slice-nesting";
/// Waits until the user's manager has started all that belongs to a login: an emulated machine takes
/// longer than the doctor has patience.
const SETTLED: &str = "systemctl --user is-system-running --wait >&2 || :; \"$@\"";

#[track_caller]
fn check(machine: &Machine, id: &str, slice: &str) -> Report {
    machine.check_in(SETTLED, &[id, &format!("--slice={slice}")])
}

#[track_caller]
fn assert_told(report: &Report, id: &str, facts: &[(&str, &str)], verdict: &str) {
    report.assert_facts(id, facts);
    assert_eq!(report.verdict(id), verdict, "{:#}", report.probe(id));
}

/// Does what a report advises, as `agent`, and gives what the doctor says then.
#[track_caller]
fn follow(machine: &Machine, report: &Report, id: &str, slice: &str) -> Report {
    let fix = report.fix(id);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(id));
    machine.check_in(
        &format!("GC_AGENT_SLICE='{slice}'\n{{ {fix}\n}} >&2\nexport GC_AGENT_SLICE; {SETTLED}"),
        &[id],
    )
}
