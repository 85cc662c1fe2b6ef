//! The exit status, in one table, from which `--help` and the man page are made and by which README.md and
//! docs/exit-status.md are checked.

use std::process::ExitCode;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::judge::Verdict;

/// How the doctor ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success = 0,
    Findings = 1,
    Usage = 2,
    Unmeasured = 3,
    NothingSelected = 4,
    Interrupted = 130,
}

/// The lowest severity that counts as a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Only `fail`
    #[default]
    Fail,
    /// `fail` and `warn`
    Warn,
    /// `fail`, `warn`, `regressed` and `relaxable`
    Change,
    /// Nothing
    Never,
}

impl FailOn {
    /// Returns its word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Change => "change",
            Self::Never => "never",
        }
    }

    /// Returns whether a verdict counts as a finding.
    pub fn includes(self, verdict: Verdict) -> bool {
        match self {
            Self::Fail => verdict == Verdict::Fail,
            Self::Warn => verdict.is_finding(),
            Self::Change => verdict.is_finding() || verdict.is_change(),
            Self::Never => false,
        }
    }
}

impl Exit {
    /// Every exit status, in the order of their numbers.
    pub const ALL: [Self; 6] = [
        Self::Success,
        Self::Findings,
        Self::Usage,
        Self::Unmeasured,
        Self::NothingSelected,
        Self::Interrupted,
    ];

    /// Returns what the status means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Success => "nothing at or above --fail-on",
            Self::Findings => {
                "findings; with doctor gate, any change; with doctor diff, any difference"
            }
            Self::Usage => "wrong usage or configuration, or a report that could not be written",
            Self::Unmeasured => "no findings, but something is unmeasured or incomplete",
            Self::NothingSelected => "nothing was selected",
            Self::Interrupted => "interrupted by SIGINT, SIGTERM or SIGHUP",
        }
    }

    /// Returns the status that follows from a set of verdicts.
    pub fn from_verdicts(verdicts: impl IntoIterator<Item = Verdict>, fail_on: FailOn) -> Self {
        let mut exit = Self::NothingSelected;
        for verdict in verdicts {
            exit = match (exit, verdict) {
                (Self::Findings, _) => Self::Findings,
                (_, verdict) if fail_on.includes(verdict) => Self::Findings,
                (Self::Unmeasured, _) | (_, Verdict::Unmeasured) => Self::Unmeasured,
                _ => Self::Success,
            };
        }
        exit
    }

    /// Returns the status as a number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Serialize for Exit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.code())
    }
}

impl JsonSchema for Exit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "enum": Self::ALL.map(Self::code) })
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{Fail, Known, Ok, Regressed, Skipped, Unmeasured, Warn};

    #[test]
    fn findings_outweigh_unmeasured() {
        assert_eq!(Exit::from_verdicts([Unmeasured, Fail, Ok], FailOn::Fail), Exit::Findings);
        assert_eq!(Exit::from_verdicts([Ok, Unmeasured, Known], FailOn::Fail), Exit::Unmeasured);
        assert_eq!(Exit::from_verdicts([Fail, Unmeasured], FailOn::Never), Exit::Unmeasured);
    }

    #[test]
    fn the_level_decides_what_is_a_finding() {
        assert_eq!(Exit::from_verdicts([Warn], FailOn::Fail), Exit::Success);
        assert_eq!(Exit::from_verdicts([Warn], FailOn::Warn), Exit::Findings);
        assert_eq!(Exit::from_verdicts([Regressed], FailOn::Warn), Exit::Success);
        assert_eq!(Exit::from_verdicts([Regressed], FailOn::Change), Exit::Findings);
    }

    #[test]
    fn skipped_is_success_and_no_verdict_is_its_own_status() {
        assert_eq!(Exit::from_verdicts([Skipped], FailOn::Fail), Exit::Success);
        assert_eq!(Exit::from_verdicts([], FailOn::Fail), Exit::NothingSelected);
    }
}
