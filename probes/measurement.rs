use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sandbox::{CommandError, Completed};

/// What one probe measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Named answers, each out of the closed set of values that the card declares.
    pub facts: BTreeMap<String, String>,
    /// What produced the facts, in the order in which it was measured.
    pub evidence: Vec<Evidence>,
    /// One sentence of what was measured, without a judgement.
    pub summary: String,
    /// Values of this host that the card's texts may name as `{key}`: a user, a slice, a path.
    pub details: BTreeMap<String, String>,
    /// Several values of one kind. A command of the card that names one as `{key}` is given once
    /// for each of its values.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
}

impl Measurement {
    /// Records an answer. A later answer under the same name replaces the earlier one.
    pub fn fact(&mut self, name: &str, value: &str) {
        self.facts.insert(name.into(), value.into());
    }

    /// Records an answer together with the command that gave it.
    pub fn fact_from(&mut self, name: &str, value: &str, run: &Completed) {
        self.fact(name, value);
        self.evidence.push(run.evidence(name));
    }

    /// Makes a value of this host known to the card's texts.
    pub fn detail(&mut self, key: &str, value: impl Into<String>) {
        self.details.insert(key.into(), value.into());
    }

    /// Makes several values of one kind known to the card's commands.
    pub fn list(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.lists.insert(key.into(), values.into_iter().collect());
    }
}

/// A command that produced a fact, complete enough to be pasted and repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The fact it produced.
    pub fact: String,
    /// The words of the command; changes to the environment stand in front as `env …`.
    pub argv: Vec<String>,
    /// Its exit status; nothing if a signal or the deadline ended it.
    pub exit: Option<i32>,
    /// What it wrote to standard error, shortened.
    pub stderr: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It measured.
    Measured(Measurement),
    /// It could not measure.
    Unable(Unable),
}

/// Why a probe could not measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "why", content = "reason")]
pub enum Unable {
    /// Something the measurement needs is not on this host; the text says what.
    #[error("{0}")]
    Skipped(String),
    /// It was tried and gave no answer: a time-out, a denial, an output that nobody can read.
    #[error("{0}")]
    Unmeasured(String),
}

impl From<CommandError> for Unable {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound { .. } => Self::Skipped(error.to_string()),
            _ => Self::Unmeasured(error.to_string()),
        }
    }
}

impl From<std::io::Error> for Unable {
    fn from(error: std::io::Error) -> Self {
        Self::Unmeasured(error.to_string())
    }
}
