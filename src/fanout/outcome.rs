use schemars::JsonSchema;
use serde::Serialize;

/// How a run of a unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Succeeded,
    Failed,
    /// It was stopped, by a request or with its manager.
    Stopped,
    /// It runs.
    Running,
    /// It did not run, and nothing is wrong with that: see [`SkipReason`].
    Skipped,
    /// Its launch was refused.
    Refused,
    /// It was started, and its source does not say how and when it ended.
    EndUnknown,
}

/// Why a unit did not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A `Condition…=` or an `Assert…=` was not met.
    Condition,
    /// Its `ExecCondition=` said no.
    ExecCondition,
    /// It found its lock held: exit status 75 (`EX_TEMPFAIL`, sysexits.h).
    LockBusy,
}

/// What says when a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndSource {
    Journal,
    Cgroup,
    /// A probe unit said it itself.
    Stamp,
}

/// The exit status with which a member says that its lock is held.
pub(super) const LOCK_BUSY: i32 = 75;

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Succeeded,
        Self::Failed,
        Self::Stopped,
        Self::Running,
        Self::Skipped,
        Self::Refused,
        Self::EndUnknown,
    ];

    /// Returns the word for it, which is also that of the JSON report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Running => "running",
            Self::Skipped => "skipped",
            Self::Refused => "refused",
            Self::EndUnknown => "end-unknown",
        }
    }

    /// Whether a process of the unit ran.
    pub fn ran(self) -> bool {
        !matches!(self, Self::Skipped | Self::Refused)
    }
}
