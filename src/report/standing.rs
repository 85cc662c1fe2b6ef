use std::cmp::Reverse;

use super::model::{ProbeReport, Report};
use crate::judge::Verdict;

/// What a format that only knows passed and failed makes of a probe. It says the same as the exit
/// status: a run fails exactly when something in it failed or is unmeasured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// A need is unmet.
    Skipped,
    /// Nothing that `--fail-on` counts.
    Passed,
    /// Nothing is known.
    Unmeasured,
    /// At or above the level of `--fail-on`.
    Failed,
}

impl Standing {
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

/// A report's probes: what fails the run first, then by how loud the verdict is, then as they were.
pub(super) fn worst_first(report: &Report) -> Vec<&ProbeReport> {
    let mut probes: Vec<&ProbeReport> = report.probes.iter().collect();
    probes.sort_by_key(|probe| Reverse((Standing::of(probe, report), probe.verdict)));
    probes
}
