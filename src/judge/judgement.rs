use std::cmp::Reverse;
use std::collections::BTreeMap;

use launch_probes::{Measurement, NotMeasured, Outcome};

use super::baseline::Baseline;
use super::card::{Card, Fact, FactValue};
use super::fact_verdict::{FactVerdict, judge_fact};
use super::verdict::Verdict;
use crate::text::quote;
use crate::text::sanitize::one_line;
use crate::text::template::{expand, expand_each};

/// The verdict on one probe, with the reasons for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The most severe verdict of all facts.
    pub verdict: Verdict,
    /// Whether the host's version is newer than every version on which the card was measured.
    pub extrapolated: bool,
    /// The value recorded for each fact, where one is.
    pub expected: BTreeMap<String, String>,
    /// The sentence that the card has for these facts; `None` where it leaves that to the probe.
    pub summary: Option<String>,
    /// Why there is no measurement.
    pub reason: Option<String>,
    /// Each fact that is not as it should be, the worst first.
    pub findings: Vec<Finding>,
    /// Commands that only look at the findings.
    pub look: Vec<String>,
    /// Commands that fix the findings; for a known problem, those of its workaround.
    pub fix: Vec<String>,
}

/// One fact that is not as it should be.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// The fact.
    pub fact: String,
    /// What it counts as.
    pub verdict: Verdict,
    /// The value that was measured.
    pub measured: String,
    /// The value that was recorded, for a behaviour.
    pub expected: Option<String>,
    /// What it means, in one or two sentences.
    pub text: String,
}

impl Judgement {
    /// Replaces the verdict of every warning and failure.
    pub fn override_severity(&mut self, verdict: Verdict) {
        for finding in self.findings.iter_mut().filter(|finding| finding.verdict.is_finding()) {
            finding.verdict = verdict;
        }
        self.recompute();
    }

    /// Makes a change `unmeasured`, with the reason: what the probe needs is broken on this host, so a component
    /// that behaves differently shows nothing about its version.
    pub fn withhold_change(&mut self, reason: &str) {
        if !self.findings.iter().any(|finding| finding.verdict.is_change()) {
            return;
        }
        *self = without_facts(Verdict::Unmeasured, reason);
    }

    /// Makes the worst finding the verdict, if there are findings.
    pub(super) fn recompute(&mut self) {
        self.findings.sort_by_key(|finding| Reverse(finding.verdict));
        if let Some(worst) = self.findings.first() {
            self.verdict = worst.verdict;
        }
    }
}

/// Judges the outcome of a probe by its card and a baseline.
pub fn judge(card: &Card, outcome: &Outcome, baseline: Baseline) -> Judgement {
    let is_recorded =
        matches!(baseline, Baseline::Record(record) if record.facts.contains_key(&card.id));
    match outcome {
        Outcome::Measured(measurement) => judge_facts(card, measurement, baseline),
        Outcome::NotMeasured(NotMeasured::Skipped(reason)) if is_recorded => without_facts(
            Verdict::Unmeasured,
            &format!("the record has facts of it, and it could not be measured here: {reason}"),
        ),
        Outcome::NotMeasured(NotMeasured::Skipped(reason)) => {
            without_facts(Verdict::Skipped, reason)
        }
        Outcome::NotMeasured(NotMeasured::Unmeasured(reason)) => {
            without_facts(Verdict::Unmeasured, reason)
        }
    }
}

fn without_facts(verdict: Verdict, reason: &str) -> Judgement {
    Judgement {
        verdict,
        extrapolated: false,
        expected: BTreeMap::new(),
        summary: None,
        reason: Some(reason.to_owned()),
        findings: Vec::new(),
        look: Vec::new(),
        fix: Vec::new(),
    }
}

fn judge_facts(card: &Card, measurement: &Measurement, baseline: Baseline) -> Judgement {
    let mut judgement = without_facts(Verdict::Skipped, "");
    judgement.reason = None;
    judgement.summary = card.summary_of(measurement);
    let mut notes = Vec::new();
    for (name, value) in &measurement.facts {
        let declared = card.facts.get(name).and_then(|fact| Some((fact, fact.values.get(value)?)));
        let Some((fact, meaning)) = declared else {
            return without_facts(
                Verdict::Unmeasured,
                &format!(
                    "internal error in this probe: it measured `{name} = {value}`, which its card does \
                     not declare; please report it"
                ),
            );
        };
        let judged = judge_fact(card, measurement, name, value, baseline);
        judgement.verdict = judgement.verdict.max(judged.verdict);
        judgement.extrapolated |= judged.extrapolated;
        if let Some(expected) = judged.expected {
            judgement.expected.insert(name.clone(), expected.to_owned());
        }
        notes.extend(judged.note.clone());
        if judged.verdict.is_finding() || judged.verdict.is_change() {
            if let Some(meaning) = meaning_with_commands(card, fact, value, measurement) {
                add_commands(&mut judgement.look, commands(&meaning.look, card, measurement));
                add_commands(&mut judgement.fix, commands(&meaning.fix, card, measurement));
            }
            judgement.findings.push(Finding {
                fact: name.clone(),
                verdict: judged.verdict,
                measured: value.clone(),
                expected: judged.expected.map(str::to_owned),
                text: finding_text(card, &judged, meaning, measurement),
            });
        }
    }
    judgement.reason = (!notes.is_empty()).then(|| notes.join("; "));
    judgement.findings.sort_by_key(|finding| Reverse(finding.verdict));
    if judgement.verdict == Verdict::Known {
        let workaround = &card.workaround;
        add_commands(&mut judgement.look, commands(&workaround.look, card, measurement));
        add_commands(&mut judgement.fix, commands(&workaround.commands, card, measurement));
    }
    judgement
}

/// Adds the commands of one finding, without those that another finding has already given. A command that
/// one finding gives twice is a step that is taken twice.
fn add_commands(fix: &mut Vec<String>, commands: Vec<String>) {
    let new: Vec<String> = commands.into_iter().filter(|command| !fix.contains(command)).collect();
    fix.extend(new);
}

/// Returns what a finding means; for a change also where the boundary comes from, and whether the workaround can be
/// dropped.
fn finding_text(
    card: &Card,
    judged: &FactVerdict,
    meaning: &FactValue,
    measurement: &Measurement,
) -> String {
    let text = expand(&meaning.description, &values_of(card, measurement), str::to_owned);
    match (judged.verdict, judged.source) {
        (Verdict::Relaxable, _) => format!(
            "{text} The fix can be dropped: {} Drop it when: {}",
            card.workaround.text,
            one_line(&card.relax_when)
        ),
        (Verdict::Regressed, Some(source)) => format!("{text} ({source})"),
        _ => text,
    }
}

/// Returns the value that has the commands for a value: itself, or that of the fact which it names.
fn meaning_with_commands<'a>(
    card: &'a Card,
    fact: &'a Fact,
    value: &str,
    measurement: &Measurement,
) -> Option<&'a FactValue> {
    let meaning = fact.values.get(value)?;
    let by_other = meaning.fix_by.as_ref().and_then(|other| {
        let value = measurement.facts.get(other)?;
        card.facts.get(other)?.values.get(value)
    });
    Some(by_other.unwrap_or(meaning))
}

fn commands(templates: &[String], card: &Card, measurement: &Measurement) -> Vec<String> {
    let values = values_of(card, measurement);
    templates
        .iter()
        .flat_map(|template| expand_each(template, &values, &measurement.lists, quote))
        .collect()
}

/// Returns the values of a card's placeholders: what was measured or else the card's examples.
fn values_of(card: &Card, measurement: &Measurement) -> BTreeMap<String, String> {
    let mut values = card.details.clone();
    values.extend(measurement.facts.clone());
    values.extend(measurement.details.clone());
    values
}
