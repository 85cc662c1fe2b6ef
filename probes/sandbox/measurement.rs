use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Fact, FactValues};
use crate::exec::{CommandError, Output, name_limit, truncate};
use crate::host::QueryError;

/// The detail of `launch-surroundings` that says what changes every service, so that no behaviour of services can be
/// measured.
pub(crate) const BENT_SERVICES: &str = "bent-services";
/// The same for scopes.
pub(crate) const BENT_SCOPES: &str = "bent-scopes";

/// What one probe measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// The facts by name. Each value is one that the card declares.
    pub facts: BTreeMap<String, String>,
    /// The commands that produced the facts, in the order in which they ran.
    pub evidence: Vec<Evidence>,
    /// One sentence about what was measured, without a judgement.
    pub summary: String,
    /// Values of this host that replace `{key}` in the card's texts: a user, a slice, a path.
    pub details: BTreeMap<String, String>,
    /// Lists of values of this host. A fix on the card that names a list as `{key}` is repeated for each
    /// of its values.
    #[serde(default)]
    pub lists: BTreeMap<String, Vec<String>>,
}

impl Measurement {
    /// Records a fact and replaces an earlier value.
    pub fn fact(&mut self, name: &str, value: &str) {
        self.facts.insert(name.into(), value.into());
    }

    /// Records a fact and the command that produced it.
    pub fn fact_from(&mut self, name: &str, value: &str, run: &Output) {
        self.fact(name, value);
        self.add_evidence(name, run);
    }

    /// Records a typed fact and replaces an earlier value.
    pub fn set<V: FactValues>(&mut self, fact: Fact<V>, value: V) {
        self.fact(fact.name(), value.as_str());
    }

    /// Records a typed fact and the command that produced it.
    pub fn set_from<V: FactValues>(&mut self, fact: Fact<V>, value: V, run: &Output) {
        self.fact_from(fact.name(), value.as_str(), run);
    }

    /// Adds a command as evidence for a fact.
    pub fn add_evidence(&mut self, fact: &str, run: &Output) {
        self.evidence.push(Evidence::of(fact, run));
    }

    /// Sets the value that replaces `{key}` in the card's texts.
    pub fn detail(&mut self, key: &str, value: impl Into<String>) {
        self.details.insert(key.into(), value.into());
    }

    /// Sets the values that replace `{key}` in the card's fixes, one fix for each.
    pub fn list(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.lists.insert(key.into(), values.into_iter().collect());
    }
}

/// A command that produced a fact, ready to be pasted and repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Evidence {
    /// The fact that the command produced.
    pub fact: String,
    /// The command; changes to the environment come first, as `env …`.
    pub argv: Vec<String>,
    /// The exit status; null if a signal ended the command.
    pub exit: Option<i32>,
    /// The standard error, truncated to 2000 bytes.
    pub stderr: String,
    /// The run time in milliseconds.
    pub ms: u64,
}

impl Evidence {
    /// Creates the evidence for `fact` from a command that has exited.
    pub fn of(fact: &str, run: &Output) -> Self {
        Self {
            fact: fact.into(),
            argv: run.argv().iter().map(|word| truncate(word)).collect(),
            exit: run.exit(),
            stderr: truncate(&run.stderr_text()),
            ms: u64::try_from(run.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The probe measured its facts.
    Measured(Measurement),
    /// The probe could not measure them.
    NotMeasured(NotMeasured),
}

/// Why a probe could not measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "why", content = "reason")]
pub enum NotMeasured {
    /// This host lacks something that the measurement needs; the text names it.
    #[error("{0}")]
    Skipped(String),
    /// The measurement gave no answer: a timeout, a denial, an unreadable output.
    #[error("{0}")]
    Unmeasured(String),
}

impl From<CommandError> for NotMeasured {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound { .. } => Self::Skipped(error.to_string()),
            _ => Self::Unmeasured(error.to_string()),
        }
    }
}

impl From<QueryError> for NotMeasured {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Missing(reason) => Self::Skipped(reason),
            QueryError::Failed(error) => error.into(),
            QueryError::Timeout | QueryError::Unreachable(_) => Self::Unmeasured(error.to_string()),
        }
    }
}

impl From<std::io::Error> for NotMeasured {
    fn from(error: std::io::Error) -> Self {
        let is_limit = error.raw_os_error() == Some(nix::libc::EMFILE);
        Self::Unmeasured(if is_limit { name_limit(error) } else { error }.to_string())
    }
}
