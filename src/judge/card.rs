use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::range::Range;
use super::verdict::Verdict;
use super::version::Version;

/// The knowledge about one failure mode, as its `.toml` records it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Card {
    /// The probe's id.
    pub id: String,
    /// What its facts speak of, unless a fact says otherwise.
    pub kind: Kind,
    /// The failure mode in a few words.
    pub title: String,
    /// What an operator sees.
    pub symptom: String,
    /// Why it happens.
    pub cause: String,
    /// What to do about it as long as it is there.
    pub workaround: Workaround,
    /// What must have happened before the workaround may go.
    pub relax_when: String,
    /// What the two documents that started the project say of it, and what was measured instead.
    #[serde(default)]
    pub documents: Option<String>,
    /// Commands that show the failure mode by hand.
    pub reproduce: Vec<String>,
    /// Where the knowledge comes from: lab runs, upstream source, man pages, threads.
    pub sources: Vec<String>,
    /// Sets of values that several facts share, by name.
    #[serde(default)]
    scales: BTreeMap<String, BTreeMap<String, Meaning>>,
    /// Every fact that the probe can give.
    pub facts: BTreeMap<String, Fact>,
}

/// What a card or a fact speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// How a component behaves: held against the record for its version.
    Pin,
    /// How this host is set up: good or not, whatever the version.
    Check,
}

/// What to do about a failure mode.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workaround {
    /// One sentence.
    pub text: String,
    /// Commands to paste.
    pub commands: Vec<String>,
}

/// One fact: what it answers, the closed set of its values, and which are recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The question that it answers.
    pub asks: String,
    /// The kind of this fact, where it is not the card's.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Whether chance decides it: it is told, and neither recorded nor compared.
    #[serde(default)]
    pub chance: bool,
    /// All values that it can have; those of `scale` among them once the card is read.
    #[serde(default)]
    pub values: BTreeMap<String, Meaning>,
    /// The set of values that it shares with other facts of the card.
    #[serde(default)]
    scale: Option<String>,
    /// What was measured, by version. Only a pin has this.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// What one value of a fact means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Meaning {
    /// One sentence.
    pub means: String,
    /// For a pin: whether this is the trouble that the workaround is for.
    #[serde(default)]
    pub trouble: bool,
    /// For a check: what the value counts as.
    #[serde(default)]
    pub verdict: Severity,
    /// Commands that mend it.
    #[serde(default)]
    pub fix: Vec<String>,
    /// The fact whose value knows the commands that mend this.
    #[serde(default)]
    pub fix_by: Option<String>,
}

/// What a value counts as in a check.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    #[default]
    Ok,
    Warn,
    Fail,
}

/// The value recorded for a range of versions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The versions.
    pub on: Range,
    /// The value.
    pub value: String,
    /// The versions on which it was measured in the lab.
    #[serde(default)]
    measured: Vec<String>,
    /// Where a boundary comes from that no lab release has.
    #[serde(default)]
    pub source: Option<String>,
}

impl Card {
    /// Reads a card.
    ///
    /// # Errors
    /// When the text is not TOML or not a card, or a fact names a scale that is not there.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut card: Self = toml::from_str(text)?;
        for (name, fact) in &mut card.facts {
            let Some(scale) = &fact.scale else { continue };
            let Some(values) = card.scales.get(scale) else {
                let message =
                    format!("the fact `{name}` has the scale `{scale}`, which is not there");
                return Err(serde::de::Error::custom(message));
            };
            fact.values
                .extend(values.iter().map(|(value, meaning)| (value.clone(), meaning.clone())));
        }
        Ok(card)
    }

    /// The kind of one of its facts.
    pub fn kind_of(&self, fact: &Fact) -> Kind {
        fact.kind.unwrap_or(self.kind)
    }
}

impl Meaning {
    /// Whether it is what a workaround is for, or a state that a check finds fault with.
    pub fn is_trouble(&self) -> bool {
        self.trouble || self.verdict != Severity::Ok
    }
}

impl Expectation {
    /// The versions on which it was measured.
    pub fn measured(&self) -> impl Iterator<Item = Version> {
        self.measured.iter().filter_map(|text| Version::parse(text))
    }
}

impl From<Severity> for Verdict {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Ok => Self::Ok,
            Severity::Warn => Self::Warn,
            Severity::Fail => Self::Fail,
        }
    }
}
