use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::InputFormat;
use crate::exit::Exit;

/// What a log shows. Keys are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diagnosis {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// The version of the doctor.
    pub doctor: &'static str,
    /// What was read.
    pub inputs: Vec<DiagnosisInput>,
    /// Each known failure mode once, in the order of their first lines.
    pub findings: Vec<DiagnosisFinding>,
    /// The lines that look like failures and are not known.
    pub unknown: Vec<UnknownLine>,
    /// How many lines look like failures and are not known; `unknown` may hold fewer.
    pub unknown_count: u64,
    /// The exit status that follows.
    pub exit: Exit,
}

/// One input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DiagnosisInput {
    /// The file's name; `-` for standard input, `journal` for the journal.
    pub name: String,
    /// How many lines it has.
    pub lines: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// How it was read.
    pub format: InputFormat,
    /// Why not all of it could be read; `None` if it could.
    pub incomplete: Option<String>,
}

/// A failure mode that a log shows.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct DiagnosisFinding {
    /// The probe's id.
    pub mode: String,
    /// The failure mode in a few words.
    pub title: String,
    /// How many lines show it.
    pub count: u64,
    /// The first of them.
    pub first: MatchedLine,
    /// The last of them.
    pub last: MatchedLine,
    /// What the first line names: a unit, a path, a variable.
    pub captures: BTreeMap<String, String>,
    /// Other failure modes whose signatures the first line has as well, by id.
    pub also: Vec<String>,
    /// What it means, in one sentence.
    pub cause: String,
    /// Commands that only look, with what the line names filled in.
    pub look: Vec<String>,
    /// The commands that fix it, with what the line names filled in.
    pub fix: Vec<String>,
    /// Whether it is still so on this host; `None` unless that was asked for.
    pub confirm: Option<Confirmation>,
}

/// What the probe of a failure mode says of this host, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// The probe finds it.
    StillSo,
    /// The probe does not find it.
    NotHereNow,
    /// The probe gave no answer.
    NotMeasured,
}

/// A line that shows a failure mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MatchedLine {
    /// The input's name.
    pub input: String,
    /// The number of the line, from 1.
    pub line: u64,
    /// The time, as the log writes it.
    pub at: Option<String>,
    /// The message, shortened.
    pub text: String,
}

/// A line that looks like a failure and is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownLine {
    /// The input's name.
    pub input: String,
    /// The number of the line, from 1.
    pub line: u64,
    /// The message, shortened.
    pub text: String,
}
