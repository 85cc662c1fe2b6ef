use schemars::JsonSchema;
use serde::Serialize;

/// What is wrong with a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockProblem {
    /// Its taker has exited, and a process that inherited it holds it.
    DeadTaker,
    /// Its file was deleted or replaced while it was held: who comes now locks another file.
    Deleted,
    /// Every git that can have created this lock file has exited.
    Stale,
    /// A process has waited for longer than `--patience`.
    LongWait,
}

impl LockProblem {
    /// Returns what it causes, in one sentence.
    pub fn effect(self) -> &'static str {
        match self {
            Self::DeadTaker => "The lock outlives its taker because a child inherited it.",
            Self::Deleted => {
                "The file was deleted while it was locked, so who opens the path now gets another lock."
            }
            Self::Stale => "git fails until this file is removed.",
            Self::LongWait => "A process has waited for longer than --patience.",
        }
    }

    /// Returns the probe whose card explains it.
    pub fn probe(self) -> &'static str {
        match self {
            Self::DeadTaker => "flock-inherited",
            Self::Deleted => "flock-unlinked",
            Self::Stale => "stale-git-state",
            Self::LongWait => "lock-held",
        }
    }
}
