//! The exit status, in one place. docs/exit-status.md has the same table for people.

use std::fmt;
use std::process::ExitCode;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::judge::Verdict;

/// How the doctor ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing at or above the level of `--fail-on`.
    Fine = 0,
    /// Something at or above it.
    Findings = 1,
    /// The command line or the configuration is wrong, or the report could not be written.
    Usage = 2,
    /// No findings, but something is unmeasured.
    Unmeasured = 3,
    /// Nothing was selected.
    NothingSelected = 4,
    /// A signal ended the run.
    Interrupted = 130,
}

/// The least loud verdict that counts as a finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// Only `fail`.
    #[default]
    Fail,
    /// `fail` and `warn`.
    Warn,
    /// `fail`, `warn`, `regressed` and `relaxable`.
    Change,
    /// Nothing.
    Never,
}

impl FailOn {
    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Change => "change",
            Self::Never => "never",
        }
    }

    /// Whether a verdict counts as a finding.
    pub fn includes(self, verdict: Verdict) -> bool {
        match self {
            Self::Fail => verdict == Verdict::Fail,
            Self::Warn => verdict.is_finding(),
            Self::Change => verdict.is_finding() || verdict.is_change(),
            Self::Never => false,
        }
    }
}

/// What a monitoring plugin's exit status says (Monitoring Plugins Development Guidelines, "Plugin
/// Return Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        })
    }
}

impl From<PluginState> for ExitCode {
    fn from(state: PluginState) -> Self {
        (state as u8).into()
    }
}

impl Exit {
    /// The status that a set of verdicts comes to.
    pub fn of(verdicts: impl IntoIterator<Item = Verdict>, fail_on: FailOn) -> Self {
        let mut exit = Self::NothingSelected;
        for verdict in verdicts {
            exit = match (exit, verdict) {
                (Self::Findings, _) => Self::Findings,
                (_, verdict) if fail_on.includes(verdict) => Self::Findings,
                (Self::Unmeasured, _) | (_, Verdict::Unmeasured) => Self::Unmeasured,
                _ => Self::Fine,
            };
        }
        exit
    }

    /// The status as a number.
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
        json_schema!({ "type": "integer", "enum": [0, 1, 2, 3, 4, 130] })
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
    fn findings_outweigh_what_is_unmeasured() {
        assert_eq!(Exit::of([Unmeasured, Fail, Ok], FailOn::Fail), Exit::Findings);
        assert_eq!(Exit::of([Ok, Unmeasured, Known], FailOn::Fail), Exit::Unmeasured);
        assert_eq!(Exit::of([Fail, Unmeasured], FailOn::Never), Exit::Unmeasured);
    }

    #[test]
    fn the_level_decides_what_is_a_finding() {
        assert_eq!(Exit::of([Warn], FailOn::Fail), Exit::Fine);
        assert_eq!(Exit::of([Warn], FailOn::Warn), Exit::Findings);
        assert_eq!(Exit::of([Regressed], FailOn::Warn), Exit::Fine);
        assert_eq!(Exit::of([Regressed], FailOn::Change), Exit::Findings);
    }

    #[test]
    fn skipped_is_neither_and_nothing_is_its_own_status() {
        assert_eq!(Exit::of([Skipped], FailOn::Fail), Exit::Fine);
        assert_eq!(Exit::of([], FailOn::Fail), Exit::NothingSelected);
    }
}
