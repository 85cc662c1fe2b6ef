use std::cmp::Reverse;
use std::collections::BTreeMap;

use launch_probes::host::Versions;
use launch_probes::{Measurement, Outcome, Unable};

use super::card::{Card, Fact, Kind, Meaning};
use super::placeholder::{fill, fill_each, quote};
use super::record::Record;
use super::verdict::Verdict;
use super::version::Version;

/// What the judge makes of one probe's outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The loudest verdict of all facts.
    pub verdict: Verdict,
    /// Whether the host's version is newer than every version on which the card was measured.
    pub extrapolated: bool,
    /// The value recorded for each fact, where one is.
    pub expected: BTreeMap<String, String>,
    /// Why there is no measurement.
    pub reason: Option<String>,
    /// Each fact that is not as it should be, the loudest first.
    pub findings: Vec<Finding>,
    /// Commands that mend the findings; for a known trouble, those of its workaround.
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
    /// The value that was recorded, for a pin.
    pub expected: Option<String>,
    /// What it means, in one or two sentences.
    pub text: String,
}

impl Judgement {
    /// Counts every warning and failure as `verdict`.
    pub fn weigh(&mut self, verdict: Verdict) {
        for finding in self.findings.iter_mut().filter(|finding| finding.verdict.is_finding()) {
            finding.verdict = verdict;
        }
        self.settle();
    }

    /// Makes the loudest finding the verdict, where there are findings.
    pub(super) fn settle(&mut self) {
        self.findings.sort_by_key(|finding| Reverse(finding.verdict));
        if let Some(loudest) = self.findings.first() {
            self.verdict = loudest.verdict;
        }
    }
}

/// What the facts are held against.
#[derive(Debug, Clone, Copy)]
pub enum Baseline<'a> {
    /// The cards, for the versions on this host: pins by their record, checks by their values.
    Cards(&'a Versions),
    /// The cards, but pins alone: what changed, whatever this host's set-up.
    Pins(&'a Versions),
    /// What some host measured: pins and checks alike.
    Record(&'a Record),
}

/// The verdict on one fact, before it is put into words.
struct FactVerdict<'a> {
    verdict: Verdict,
    expected: Option<&'a str>,
    extrapolated: bool,
    note: Option<String>,
}

/// Judges the outcome of a probe by its card and a baseline.
pub fn judge(card: &Card, outcome: &Outcome, baseline: Baseline) -> Judgement {
    let is_recorded =
        matches!(baseline, Baseline::Record(record) if record.facts.contains_key(&card.id));
    match outcome {
        Outcome::Measured(measurement) => judge_facts(card, measurement, baseline),
        Outcome::Unable(Unable::Skipped(reason)) if is_recorded => without_facts(
            Verdict::Unmeasured,
            &format!("the record has facts of it, and here it could not be measured: {reason}"),
        ),
        Outcome::Unable(Unable::Skipped(reason)) => without_facts(Verdict::Skipped, reason),
        Outcome::Unable(Unable::Unmeasured(reason)) => without_facts(Verdict::Unmeasured, reason),
    }
}

fn without_facts(verdict: Verdict, reason: &str) -> Judgement {
    Judgement {
        verdict,
        extrapolated: false,
        expected: BTreeMap::new(),
        reason: Some(reason.to_owned()),
        findings: Vec::new(),
        fix: Vec::new(),
    }
}

fn judge_facts(card: &Card, measurement: &Measurement, baseline: Baseline) -> Judgement {
    let mut judgement = without_facts(Verdict::Skipped, "");
    judgement.reason = None;
    for (name, value) in &measurement.facts {
        let declared = card.facts.get(name).and_then(|fact| Some((fact, fact.values.get(value)?)));
        let Some((fact, meaning)) = declared else {
            return without_facts(
                Verdict::Unmeasured,
                &format!(
                    "the probe gave `{name} = {value}`, which its card does not declare; \
                     this is a defect of the doctor"
                ),
            );
        };
        let judged = judge_fact(card, name, value, meaning, baseline);
        judgement.verdict = judgement.verdict.max(judged.verdict);
        judgement.extrapolated |= judged.extrapolated;
        if let Some(expected) = judged.expected {
            judgement.expected.insert(name.clone(), expected.to_owned());
        }
        judgement.reason = judgement.reason.or(judged.note);
        if judged.verdict.is_finding() || judged.verdict.is_change() {
            judgement.fix.extend(mending(card, fact, value, measurement));
            judgement.findings.push(Finding {
                fact: name.clone(),
                verdict: judged.verdict,
                measured: value.clone(),
                expected: judged.expected.map(str::to_owned),
                text: finding_text(card, judged.verdict, meaning, measurement),
            });
        }
    }
    judgement.findings.sort_by_key(|finding| Reverse(finding.verdict));
    if judgement.verdict == Verdict::Known {
        judgement.fix.extend(commands(&card.workaround.commands, measurement));
    }
    let mut seen = std::collections::HashSet::new();
    judgement.fix.retain(|command| seen.insert(command.clone()));
    judgement
}

/// What a finding means and, where a trouble is gone, what may go with it.
fn finding_text(
    card: &Card,
    verdict: Verdict,
    meaning: &Meaning,
    measurement: &Measurement,
) -> String {
    let means = fill(&meaning.means, &measurement.details, str::to_owned);
    if verdict != Verdict::Relaxable {
        return means;
    }
    let folded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!(
        "{means} The workaround may go: {} Relax when: {}",
        card.workaround.text,
        folded(&card.relax_when)
    )
}

fn judge_fact<'a>(
    card: &'a Card,
    name: &str,
    value: &str,
    meaning: &Meaning,
    baseline: Baseline<'a>,
) -> FactVerdict<'a> {
    let fact = &card.facts[name];
    let without_record =
        |verdict, note| FactVerdict { verdict, expected: None, extrapolated: false, note };
    if fact.chance && matches!(baseline, Baseline::Record(_)) {
        return without_record(Verdict::Ok, None);
    }
    let recorded = match (baseline, card.kind_of(fact)) {
        (Baseline::Cards(_), Kind::Check) => return without_record(meaning.verdict.into(), None),
        (Baseline::Pins(_), Kind::Check) => return without_record(Verdict::Ok, None),
        (Baseline::Cards(versions) | Baseline::Pins(versions), Kind::Pin) => {
            recorded(fact, versions).ok_or_else(|| {
                format!("nothing is recorded for `{name}` on {}", versions_named(fact, versions))
            })
        }
        (Baseline::Record(record), _) => record
            .facts
            .get(&card.id)
            .and_then(|facts| Some((facts.get(name)?.as_str(), false)))
            .ok_or_else(|| format!("the record says nothing of `{name}`")),
    };
    let (expected, extrapolated) = match recorded {
        Ok(recorded) => recorded,
        Err(note) => return without_record(Verdict::Skipped, Some(note)),
    };
    let was_trouble = fact.values.get(expected).is_some_and(Meaning::is_trouble);
    let verdict = match (value == expected, was_trouble, meaning.is_trouble()) {
        (true, true, _) => Verdict::Known,
        (true, false, _) => Verdict::Ok,
        (false, true, false) => Verdict::Relaxable,
        (false, _, _) => Verdict::Regressed,
    };
    FactVerdict { verdict, expected: Some(expected), extrapolated, note: None }
}

/// The value recorded for this host's version, and whether that version is newer than all on which
/// it was measured.
fn recorded<'a>(fact: &'a Fact, versions: &Versions) -> Option<(&'a str, bool)> {
    fact.expect.iter().find_map(|expectation| {
        let component = expectation.on.component;
        let version = Version::parse(versions.get(component)?)?;
        expectation.on.contains(&version).then_some(())?;
        let newest = fact
            .expect
            .iter()
            .filter(|other| other.on.component == component)
            .flat_map(|other| other.measured())
            .max();
        let newer = newest.is_some_and(|newest| version > newest && !version.belongs_to(&newest));
        Some((expectation.value.as_str(), newer))
    })
}

/// The components that a fact's record speaks of, with this host's versions.
fn versions_named(fact: &Fact, versions: &Versions) -> String {
    let mut named: Vec<String> = fact
        .expect
        .iter()
        .map(|expectation| expectation.on.component)
        .map(|component| {
            let version = versions.get(component).unwrap_or("of an unknown version");
            format!("{} {version}", component.name())
        })
        .collect();
    named.dedup();
    named.join(" and ")
}

/// The commands that mend a value, taken from the fact that knows them.
fn mending(card: &Card, fact: &Fact, value: &str, measurement: &Measurement) -> Vec<String> {
    let Some(meaning) = fact.values.get(value) else { return Vec::new() };
    let by_other = meaning.fix_by.as_ref().and_then(|other| {
        let value = measurement.facts.get(other)?;
        card.facts.get(other)?.values.get(value)
    });
    commands(&by_other.unwrap_or(meaning).fix, measurement)
}

fn commands(templates: &[String], measurement: &Measurement) -> Vec<String> {
    templates
        .iter()
        .flat_map(|template| fill_each(template, &measurement.details, &measurement.lists, quote))
        .collect()
}
