//! Slices of the user manager: whether they are defined, and whether their settings are applied.

mod definition;
mod failed_units;
mod limits;
mod scale;

use crate::lab::{Machine, Report};

const NESTING: &str = "slice-nesting";
/// Waits until the user manager has started everything that belongs to a login: on an emulated
/// machine that takes longer than the doctor's timeouts.
const SETTLED: &str = "systemctl --user is-system-running --wait >&2 || :; \"$@\"";

#[track_caller]
fn check(machine: &Machine, id: &str, slice: &str) -> Report {
    machine.check_in(SETTLED, &[id, &format!("--slice={slice}")])
}

#[track_caller]
fn assert_measured(report: &Report, id: &str, facts: &[(&str, &str)], verdict: &str) {
    report.assert_facts(id, facts);
    assert_eq!(report.verdict(id), verdict, "{:#}", report.probe(id));
}

/// Executes a report's fix as `agent`, and returns the next report.
#[track_caller]
fn apply_fix(machine: &Machine, report: &Report, id: &str, slice: &str) -> Report {
    let fix = report.fix(id);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(id));
    machine.check_in(
        &format!("GC_AGENT_SLICE='{slice}'\n{{ {fix}\n}} >&2\nexport GC_AGENT_SLICE; {SETTLED}"),
        &[id],
    )
}
