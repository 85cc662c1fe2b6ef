use std::collections::BTreeMap;

use regex::bytes::Regex;
use serde::Deserialize;

use super::emitter::Emitter;

/// A message that shows a failure mode, as its card records it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Signature {
    /// The program that writes it.
    pub emitter: Emitter,
    /// A part that every such line has, letter for letter; it finds the line.
    pub literal: String,
    /// The message from its beginning, as a regular expression. Named groups are captures.
    pub pattern: String,
    /// What the message means on the host that wrote it, in one sentence; `{name}` is a capture.
    pub cause: String,
    /// Commands that only look, on the host that wrote the message; `{name}` is a capture.
    #[serde(default)]
    pub look: Vec<String>,
    /// The commands that fix it; `{name}` is a capture. Without any, and without `look`, those of the workaround.
    #[serde(default)]
    pub fix: Vec<String>,
    /// What is put into the commands where the message lacks the capture of that name.
    #[serde(default)]
    pub defaults: BTreeMap<String, String>,
    /// The versions that write it, in words; for the reader of the card.
    #[serde(default)]
    pub on: Option<String>,
    /// Other lines that must, or must not, be near.
    #[serde(default)]
    pub near: Vec<Near>,
    /// Lines that it finds.
    pub samples: Vec<String>,
    /// Lines that are alike, and that it does not find.
    pub near_misses: Vec<String>,
    /// Where the message comes from: component, file, function, or a public thread.
    #[serde(default)]
    pub source: Option<String>,
}

/// A line that must, or must not, be near a message.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Near {
    /// A part of that line, letter for letter.
    pub literal: String,
    /// How many lines before or after the message it may be.
    pub lines: u64,
    /// Whether it must be absent.
    #[serde(default)]
    pub absent: bool,
    /// Whether it must be about the same unit, as the journal says.
    #[serde(default)]
    pub same_unit: bool,
}

/// The pattern of a signature that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the pattern `{pattern}` is no regular expression: {why}")]
pub struct SignatureError {
    pattern: String,
    why: Box<regex::Error>,
}

impl Signature {
    /// Returns the pattern, anchored at the beginning of a message.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn regex(&self) -> Result<Regex, SignatureError> {
        Regex::new(&self.anchored())
            .map_err(|why| SignatureError { pattern: self.pattern.clone(), why: Box::new(why) })
    }

    /// Returns the pattern as one that begins where the message does.
    pub(crate) fn anchored(&self) -> String {
        format!("^(?:{})", self.pattern)
    }
}
