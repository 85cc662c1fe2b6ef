use std::collections::BTreeMap;

use indexmap::IndexMap;
use launch_probes::Measurement;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expectation::Expectation;
use super::signature::Signature;
use super::verdict::Verdict;
use crate::text::template::{expand, expand_with};

/// The knowledge about one failure mode, as its `.toml` records it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Card {
    /// The probe's id.
    pub id: String,
    /// The kind of its facts, unless a fact has its own.
    pub kind: Kind,
    /// The failure mode in a few words.
    pub title: String,
    /// What a person sees who has the problem.
    pub symptom: String,
    /// Why it happens.
    pub cause: String,
    /// What to do as long as the problem is there.
    pub workaround: Workaround,
    /// When the workaround can be dropped.
    pub relax_when: String,
    /// The facts, with their values, by which the workaround can be dropped; empty where there is none to drop.
    #[serde(default)]
    pub relax: BTreeMap<String, String>,
    /// Commands that show the failure mode by hand.
    pub reproduce: Vec<String>,
    /// The sources: lab runs, upstream source files, man pages, issues.
    pub sources: Vec<String>,
    /// The sentence that a report shows: the first whose condition the facts meet. Where none does, the
    /// probe's own summary is shown.
    #[serde(default)]
    pub summary: Vec<Summary>,
    /// Why no `doctor` measures it on a host in use, but only the tests in the lab: one sentence.
    #[serde(default)]
    pub lab_only: Option<String>,
    /// Every placeholder of the card's texts that the probe fills in with a value of this host, and
    /// what is shown in its place where no host was examined: `user = "USER"`.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
    /// The messages that show it in a log.
    #[serde(default)]
    pub signatures: Vec<Signature>,
    /// Why there is no message that shows it; only where there are no signatures.
    #[serde(default)]
    pub no_signature: Option<String>,
    /// Sets of values that several facts share, by name.
    #[serde(default)]
    value_sets: BTreeMap<String, IndexMap<String, FactValue>>,
    /// Every fact that the probe can give, in the order of the card.
    pub facts: IndexMap<String, Fact>,
}

/// What a card or a fact is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A behaviour: how a component behaves, compared with the record for its version.
    Pin,
    /// A check: how this host is set up, whatever the versions.
    Check,
}

/// What to do about a failure mode.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workaround {
    /// One sentence.
    pub text: String,
    /// Commands to paste.
    #[serde(default)]
    pub commands: Vec<String>,
    /// Commands that only look.
    #[serde(default)]
    pub look: Vec<String>,
}

/// A sentence about what was measured.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// The facts, with their values, under which the sentence is true; always, if empty.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// The sentence. `{name}` is the detail or the fact of that name.
    pub text: String,
}

/// One fact: what it answers, the closed set of its values, and which are recorded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Fact {
    /// The question that it answers.
    pub question: String,
    /// The kind of this fact, where it is not the card's.
    #[serde(default)]
    pub kind: Option<Kind>,
    /// Whether it differs from run to run: then it is shown, and neither recorded nor compared.
    #[serde(default)]
    pub nondeterministic: bool,
    /// All values that it can have; those of `value-set` among them once the card is read.
    #[serde(default)]
    pub values: IndexMap<String, FactValue>,
    /// The set of values that it shares with other facts of the card.
    #[serde(default)]
    value_set: Option<String>,
    /// What was measured, by version. Only a pin has this.
    #[serde(default)]
    pub expect: Vec<Expectation>,
}

/// What one value of a fact means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FactValue {
    /// One sentence.
    pub description: String,
    /// For a behaviour: whether this is the problem that the workaround is for.
    #[serde(default)]
    pub problem: bool,
    /// For a check: what the value counts as.
    #[serde(default)]
    pub verdict: Severity,
    /// Commands that only look, and show what a person must know before acting.
    #[serde(default)]
    pub look: Vec<String>,
    /// Commands that fix it.
    #[serde(default)]
    pub fix: Vec<String>,
    /// The fact whose value has the commands for this.
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

impl Card {
    /// Reads a card as it is written.
    ///
    /// # Errors
    /// When the text is not TOML or not a card, or a fact names a value set that is not declared.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str::<Self>(text)?.with_value_sets().map_err(serde::de::Error::custom)
    }

    /// Reads a card that was made JSON of, which takes a tenth of the time.
    ///
    /// # Errors
    /// When the text is not JSON or not a card, or a fact names a value set that is not declared.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Self>(text)?.with_value_sets().map_err(serde::de::Error::custom)
    }

    fn with_value_sets(mut self) -> Result<Self, String> {
        for (name, fact) in &mut self.facts {
            let Some(set) = &fact.value_set else { continue };
            let Some(values) = self.value_sets.get(set) else {
                return Err(format!(
                    "the fact `{name}` has the value set `{set}`, which is not declared"
                ));
            };
            fact.values
                .extend(values.iter().map(|(value, meaning)| (value.clone(), meaning.clone())));
        }
        Ok(self)
    }

    /// Whether the workaround can be dropped, by what was measured.
    pub fn is_relaxed_by(&self, facts: &BTreeMap<String, String>) -> bool {
        !self.relax.is_empty()
            && self.relax.iter().all(|(fact, value)| facts.get(fact) == Some(value))
    }

    /// Returns the sentence for what was measured: the first whose condition the facts meet, with the
    /// measured values in place of its placeholders.
    pub fn summary_of(&self, measurement: &Measurement) -> Option<String> {
        let is_met = |summary: &&Summary| {
            summary.when.iter().all(|(fact, value)| measurement.facts.get(fact) == Some(value))
        };
        let summary = self.summary.iter().find(is_met)?;
        let mut values = self.details.clone();
        values.extend(measurement.facts.clone());
        values.extend(measurement.details.clone());
        Some(expand(&summary.text, &values, str::to_owned))
    }

    /// Returns one of the card's texts with an example in place of each placeholder: what `details` declares, or
    /// else the name in capitals.
    pub fn with_examples(&self, text: &str) -> String {
        expand_with(text, |name| {
            Some(self.details.get(name).cloned().unwrap_or_else(|| name.to_ascii_uppercase()))
        })
    }

    /// Returns every text of the card in which a report fills in values of a host.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        let texts =
            [&self.title, &self.symptom, &self.cause, &self.relax_when, &self.workaround.text];
        let commands =
            self.workaround.commands.iter().chain(&self.workaround.look).chain(&self.reproduce);
        let summaries = self.summary.iter().map(|summary| &summary.text);
        let values = self.facts.values().flat_map(|fact| fact.values.values());
        let of_values = values
            .flat_map(|value| value.look.iter().chain(&value.fix).chain([&value.description]));
        texts.into_iter().chain(commands).chain(summaries).chain(of_values).map(String::as_str)
    }

    /// Returns the kind of one of its facts.
    pub fn kind_of(&self, fact: &Fact) -> Kind {
        fact.kind.unwrap_or(self.kind)
    }
}

impl FactValue {
    /// Returns whether it is a problem: one that a workaround is for, or a finding of a check.
    pub fn is_problem(&self) -> bool {
        self.problem || self.verdict != Severity::Ok
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
