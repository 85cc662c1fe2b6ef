use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A verdict on a probe, from the least to the most severe.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A need is unmet, so it was not measured.
    Skipped,
    /// A check is met, or a behaviour's problem is absent, as recorded.
    Ok,
    /// A behaviour's problem is present, as recorded.
    Known,
    /// A waiver of the policy accepts the finding.
    Waived,
    /// It timed out, was denied or failed, and gave no answer.
    Unmeasured,
    /// A recorded problem is fixed.
    Relaxable,
    /// A check is not met; its card calls that a warning.
    Warn,
    /// A fact differs from the record in any other way.
    Regressed,
    /// A check is not met; its card calls that a failure.
    Fail,
}

impl Verdict {
    /// All verdicts, in the order in which a report counts them.
    pub const ALL: [Self; 9] = [
        Self::Fail,
        Self::Warn,
        Self::Regressed,
        Self::Relaxable,
        Self::Unmeasured,
        Self::Waived,
        Self::Known,
        Self::Ok,
        Self::Skipped,
    ];

    /// Returns its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Skipped => "skipped",
            Self::Ok => "ok",
            Self::Known => "known",
            Self::Waived => "waived",
            Self::Unmeasured => "unmeasured",
            Self::Relaxable => "relaxable",
            Self::Warn => "warn",
            Self::Regressed => "regressed",
            Self::Fail => "fail",
        }
    }

    /// Returns whether it says that the host is not set up as it should be.
    pub fn is_finding(self) -> bool {
        matches!(self, Self::Warn | Self::Fail)
    }

    /// Returns whether it says that a component no longer behaves as recorded.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Relaxable | Self::Regressed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
