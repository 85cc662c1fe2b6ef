use std::cmp::Reverse;

use super::model::{ProbeReport, Report};
use crate::judge::Verdict;

/// The status of a probe in formats that only know passed and failed. It agrees with the exit status: a run fails
/// exactly when a probe in it failed or is unmeasured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TestStatus {
    /// A need is unmet.
    Skipped,
    /// It has no finding that `--fail-on` counts.
    Passed,
    /// It gave no answer.
    Unmeasured,
    /// At or above the level of `--fail-on`.
    Failed,
}

impl TestStatus {
    pub(super) fn of(probe: &ProbeReport, report: &Report) -> Self {
        match probe.verdict {
            verdict if report.fail_on.includes(verdict) => Self::Failed,
            Verdict::Unmeasured => Self::Unmeasured,
            Verdict::Skipped => Self::Skipped,
            Verdict::Ok
            | Verdict::Known
            | Verdict::Waived
            | Verdict::Warn
            | Verdict::Fail
            | Verdict::Relaxable
            | Verdict::Regressed => Self::Passed,
        }
    }
}

/// Returns a report's probes: those that fail the run first, then by severity, then in the report's order.
pub(super) fn worst_first(report: &Report) -> Vec<&ProbeReport> {
    let mut probes: Vec<&ProbeReport> = report.probes.iter().collect();
    probes.sort_by_key(|probe| Reverse((TestStatus::of(probe, report), probe.verdict)));
    probes
}
