use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the judge makes of the facts, from the quietest to the loudest.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// A need is unmet, so it was not measured.
    Skipped,
    /// A check holds, or a pin's trouble is absent, as recorded.
    Ok,
    /// A pin's trouble is present, as recorded.
    Known,
    /// An operator's waiver accepts what is not as it should be.
    Waived,
    /// It timed out, was denied or broke: nothing is known.
    Unmeasured,
    /// A recorded trouble is gone.
    Relaxable,
    /// A check does not hold; its card calls that a warning.
    Warn,
    /// A fact differs from the record in any other way.
    Regressed,
    /// A check does not hold; its card calls that a failure.
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

    /// The word for it.
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

    /// Whether it says that the host is not as it should be.
    pub fn is_finding(self) -> bool {
        matches!(self, Self::Warn | Self::Fail)
    }

    /// Whether it says that a component no longer behaves as recorded.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Relaxable | Self::Regressed)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
