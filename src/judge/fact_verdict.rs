use launch_probes::Measurement;

use super::baseline::Baseline;
use super::card::{Card, Fact, FactValue, Kind};
use super::recorded::Platform;
use super::verdict::Verdict;

/// The verdict on one fact, before it is put into words.
pub(super) struct FactVerdict<'a> {
    pub(super) verdict: Verdict,
    /// The value recorded for it, if one is.
    pub(super) expected: Option<&'a str>,
    /// Whether the version is newer than every one on which it was measured.
    pub(super) extrapolated: bool,
    /// What the reader must know about the verdict, in one sentence.
    pub(super) note: Option<String>,
    /// Where the recorded value's range begins, and why.
    pub(super) source: Option<&'a str>,
}

impl FactVerdict<'_> {
    fn without_record(verdict: Verdict, note: Option<String>) -> Self {
        Self { verdict, expected: None, extrapolated: false, note, source: None }
    }
}

/// Judges the value that one fact of the card has in a measurement.
pub(super) fn judge_fact<'a>(
    card: &'a Card,
    measurement: &Measurement,
    name: &str,
    value: &str,
    baseline: Baseline<'a>,
) -> FactVerdict<'a> {
    let fact = &card.facts[name];
    if fact.nondeterministic && matches!(baseline, Baseline::Record(_)) {
        return FactVerdict::without_record(Verdict::Ok, None);
    }
    let by_cards = |platform: Platform| match fact.recorded(platform) {
        Some(recorded) if recorded.alternatives.contains(&value) => {
            let verdict = steady(fact, value);
            let note = Some(undecided(name, value, recorded.value, fact, platform));
            FactVerdict { verdict, expected: None, extrapolated: false, note, source: None }
        }
        Some(recorded) => FactVerdict {
            verdict: compare(card, measurement, fact, value, recorded.value),
            expected: Some(recorded.value),
            extrapolated: recorded.is_extrapolated,
            note: None,
            source: recorded.source,
        },
        None => {
            let note = format!("nothing is recorded for `{name}` on {}", named(fact, platform));
            FactVerdict::without_record(Verdict::Skipped, Some(note))
        }
    };
    match (baseline, card.kind_of(fact)) {
        (Baseline::Cards(_), Kind::Check) => {
            let severity = fact.values.get(value).map(|value| value.verdict).unwrap_or_default();
            FactVerdict::without_record(severity.into(), None)
        }
        (Baseline::Behaviours(_), Kind::Check) => FactVerdict::without_record(Verdict::Ok, None),
        (Baseline::Cards(platform) | Baseline::Behaviours(platform), Kind::Pin) => {
            by_cards(platform)
        }
        (Baseline::Record(record), _) => {
            if let Some(expected) = record.facts.get(&card.id).and_then(|facts| facts.get(name)) {
                FactVerdict {
                    verdict: compare(card, measurement, fact, value, expected),
                    expected: Some(expected),
                    extrapolated: false,
                    note: None,
                    source: None,
                }
            } else {
                let note = format!("the record has no `{name}`");
                FactVerdict::without_record(Verdict::Skipped, Some(note))
            }
        }
    }
}

/// Returns the verdict on a value, by the one that is recorded.
fn compare(
    card: &Card,
    measurement: &Measurement,
    fact: &Fact,
    value: &str,
    expected: &str,
) -> Verdict {
    if value == expected {
        return steady(fact, value);
    }
    let is_problem = |value| fact.values.get(value).is_some_and(FactValue::is_problem);
    if is_problem(expected) && !is_problem(value) && card.is_relaxed_by(&measurement.facts) {
        Verdict::Relaxable
    } else {
        Verdict::Regressed
    }
}

/// Returns the verdict on a value that is the recorded one.
fn steady(fact: &Fact, value: &str) -> Verdict {
    if fact.values.get(value).is_some_and(FactValue::is_problem) {
        Verdict::Known
    } else {
        Verdict::Ok
    }
}

/// Says why two values are right for a version that does not give its point release.
fn undecided(name: &str, value: &str, other: &str, fact: &Fact, platform: Platform) -> String {
    let on = named(fact, platform);
    format!(
        "`{name}` is `{value}`: {on} does not give its point release, and both `{other}` and \
         `{value}` are recorded for it"
    )
}

/// Returns the components that a fact's record is about, with their versions.
fn named(fact: &Fact, platform: Platform) -> String {
    let mut named: Vec<String> = fact
        .expect
        .iter()
        .map(|expectation| expectation.on.component)
        .map(|component| {
            let version = platform.versions.get(component).unwrap_or("of an unknown version");
            format!("{} {version}", component.name())
        })
        .collect();
    named.dedup();
    named.join(" and ")
}
