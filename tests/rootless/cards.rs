//! The lints of the cards: what is recorded must be complete, consistent and have a source.

mod citations;
mod exceptions;
mod fix_table;
mod look_commands;
mod placeholders;
mod seen_pairs;
mod signatures;

use std::collections::{BTreeMap, BTreeSet};

use launch_doctor::judge::{Card, Catalogue, Entry, Fact, Kind, Verdict, Version};
use launch_probes::host::Manager;

/// The oldest version of each component in the lab: records begin there or before.
const OLDEST: [(&str, &str); 4] =
    [("systemd", "247"), ("tmux", "3.1"), ("git", "2.30"), ("util-linux", "2.36")];

fn catalogue() -> Catalogue {
    Catalogue::select(&[], &[]).unwrap()
}

/// Collects what is wrong with each card, so that one run names everything.
fn lint(find: impl Fn(&Entry) -> Vec<String>) {
    let mut wrong = Vec::new();
    for entry in catalogue().entries() {
        wrong.extend(find(entry).into_iter().map(|text| format!("{}: {text}", entry.card.id)));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn facts_of(card: &Card, kind: Kind) -> impl Iterator<Item = (&String, &Fact)> {
    card.facts.iter().filter(move |(_, fact)| card.kind_of(fact) == kind)
}

#[test]
fn every_text_is_written_and_every_workaround_has_a_command() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        let texts = [
            ("title", &card.title),
            ("symptom", &card.symptom),
            ("cause", &card.cause),
            ("relax-when", &card.relax_when),
            ("workaround", &card.workaround.text),
        ];
        for (name, text) in texts {
            if text.trim().len() < 10 {
                wrong.push(format!("`{name}` is too short"));
            }
        }
        if card.title.ends_with('.') || card.title.len() > 80 {
            wrong.push("the title is a phrase of at most 80 letters without a full stop".into());
        }
        let lists = [("reproduce", &card.reproduce), ("sources", &card.sources)];
        for (name, list) in lists {
            if list.is_empty() || list.iter().any(|line| line.trim().is_empty()) {
                wrong.push(format!("`{name}` is empty"));
            }
        }
        let commands = card.workaround.commands.iter().chain(&card.workaround.look);
        if commands.filter(|command| !command.trim().is_empty()).count() == 0 {
            wrong.push("the workaround has no command".into());
        }
        wrong
    });
}

#[test]
fn every_fact_asks_and_declares_at_least_two_values() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        if card.facts.is_empty() {
            wrong.push("it has no facts".into());
        }
        for (name, fact) in &card.facts {
            if !fact.question.ends_with('?') {
                wrong.push(format!("the question of `{name}` is not a question"));
            }
            if fact.values.len() < 2 {
                wrong.push(format!("`{name}` has fewer than two values, so it answers nothing"));
            }
            for (value, meaning) in &fact.values {
                if !meaning.description.ends_with('.') {
                    wrong.push(format!("the description of `{name} = {value}` is not a sentence"));
                }
            }
        }
        wrong
    });
}

#[test]
fn a_behaviour_is_recorded_for_every_version_without_gap_or_overlap() {
    lint(|Entry { card, .. }| {
        let pins = facts_of(card, Kind::Pin);
        pins.flat_map(|(name, fact)| wrong_ranges(name, fact)).collect()
    });
}

fn wrong_ranges(name: &str, fact: &Fact) -> Vec<String> {
    let mut wrong = Vec::new();
    let components: BTreeSet<_> = fact.expect.iter().map(|expect| expect.on.component).collect();
    if components.len() != 1 {
        wrong.push(format!("`{name}` is recorded for {} components, not one", components.len()));
    }
    for manager in [Manager::User, Manager::System] {
        wrong.extend(gaps(name, fact, manager));
    }
    wrong.dedup();
    wrong
}

/// Returns what the ranges that hold under one manager leave open or say twice.
fn gaps(name: &str, fact: &Fact, manager: Manager) -> Vec<String> {
    let mut wrong = Vec::new();
    let applying = fact.expect.iter().filter(|expect| expect.applies_to(manager));
    let mut ranges: Vec<_> = applying.map(|expect| &expect.on).collect();
    ranges.sort_by(|a, b| a.from.cmp(&b.from));
    if let Some(first) = ranges.first() {
        let oldest = OLDEST.iter().find(|(component, _)| *component == first.component.name());
        let oldest = Version::parse(oldest.expect("all components are in OLDEST").1).unwrap();
        if first.from > oldest {
            wrong.push(format!("`{name}` has no record for {oldest}"));
        }
    }
    for pair in ranges.windows(2) {
        if pair[0].until.as_ref() != Some(&pair[1].from) {
            wrong.push(format!("`{name}`: `{}` does not end where `{}` begins", pair[0], pair[1]));
        }
    }
    if ranges.last().is_some_and(|last| last.until.is_some()) {
        wrong.push(format!("`{name}` has no record for the newest"));
    }
    wrong
}

/// Without a condition as data, doctor could only guess when the fix can be dropped.
#[test]
fn a_behaviour_says_as_data_when_its_fix_can_be_dropped() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        for (name, value) in &card.relax {
            if !card.facts.get(name).is_some_and(|fact| fact.values.contains_key(value)) {
                wrong.push(format!("`relax` names `{name} = {value}`, which is not declared"));
            }
        }
        let has_problem = facts_of(card, Kind::Pin)
            .flat_map(|(_, fact)| fact.values.values())
            .any(|value| value.problem);
        let is_never = ["Never", "Services are designed", "Every name"]
            .iter()
            .any(|start| card.relax_when.trim_start().starts_with(start));
        if card.kind == Kind::Pin && has_problem && card.relax.is_empty() && !is_never {
            wrong.push("it has no `relax`, and `relax-when` does not say that it is never".into());
        }
        wrong
    });
}

#[test]
fn every_expectation_has_a_source() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        for (name, fact) in &card.facts {
            let first = fact.expect.iter().map(|expect| &expect.on.from).min();
            for expect in &fact.expect {
                let on = &expect.on;
                if expect.measured().next().is_none() && expect.source.is_none() {
                    wrong.push(format!(
                        "`{name}` on `{on}` was neither measured nor read in a source"
                    ));
                }
                if let Some(version) = expect.measured().find(|version| !on.contains(version)) {
                    wrong.push(format!("`{name}`: measured on {version}, which is not in `{on}`"));
                }
                if Some(&on.from) != first && expect.source.is_none() {
                    wrong.push(format!("`{name}`: the boundary at {} has no source", on.from));
                }
                if !fact.values.contains_key(&expect.value) {
                    wrong.push(format!(
                        "`{name}` expects `{}`, which is not declared",
                        expect.value
                    ));
                }
            }
        }
        wrong
    });
}

#[test]
fn a_check_has_a_finding_and_each_finding_has_a_command() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        for (name, fact) in facts_of(card, Kind::Check) {
            if !fact.expect.is_empty() {
                wrong.push(format!("`{name}` is a check and has a record by version"));
            }
            for (value, meaning) in &fact.values {
                let is_finding = Verdict::from(meaning.verdict).is_finding();
                if is_finding
                    && meaning.fix.is_empty()
                    && meaning.look.is_empty()
                    && meaning.fix_by.is_none()
                {
                    wrong.push(format!("`{name} = {value}` is a finding without a command"));
                }
                if let Some(other) = &meaning.fix_by
                    && !card.facts.contains_key(other)
                {
                    wrong.push(format!(
                        "`{name} = {value}` has its fix by `{other}`, which is no fact"
                    ));
                }
                if meaning.problem {
                    wrong.push(format!("`{name} = {value}`: only a behaviour has a problem"));
                }
            }
        }
        for (name, fact) in facts_of(card, Kind::Pin) {
            for (value, meaning) in &fact.values {
                if Verdict::from(meaning.verdict) != Verdict::Ok {
                    wrong.push(format!("`{name} = {value}`: only a check has a verdict"));
                }
            }
        }
        let is_check = facts_of(card, Kind::Check)
            .flat_map(|(_, fact)| fact.values.values())
            .any(|meaning| Verdict::from(meaning.verdict).is_finding());
        if card.kind == Kind::Check && !is_check {
            wrong.push("it is a check without a finding".into());
        }
        wrong
    });
}

#[test]
fn a_probe_without_a_measurement_says_why_only_the_lab_measures_it() {
    lint(|Entry { card, probe }| match (&card.lab_only, probe.measure) {
        (Some(reason), None) if reason.ends_with('.') => Vec::new(),
        (None, Some(_)) => Vec::new(),
        _ => vec!["`lab-only` is a sentence where there is no measurement, and only there".into()],
    });
}

/// What a probe can measure and what its card declares are the same, so that a value which the card
/// lacks fails here and not on a host.
#[test]
fn a_probe_declares_the_facts_and_values_of_its_card() {
    lint(|Entry { card, probe }| {
        if probe.facts.is_empty() {
            return Vec::new();
        }
        let declared: BTreeMap<&str, BTreeSet<&str>> = probe
            .facts
            .iter()
            .map(|fact| (fact.name, fact.values.iter().copied().collect()))
            .collect();
        let on_card: BTreeMap<&str, BTreeSet<&str>> = card
            .facts
            .iter()
            .map(|(name, fact)| (name.as_str(), fact.values.keys().map(String::as_str).collect()))
            .collect();
        let names: BTreeSet<&&str> = declared.keys().chain(on_card.keys()).collect();
        names
            .into_iter()
            .filter(|name| declared.get(**name) != on_card.get(**name))
            .map(|name| {
                let of = |set: &BTreeMap<&str, BTreeSet<&str>>| format!("{:?}", set.get(*name));
                format!("`{name}`: the probe declares {}, the card {}", of(&declared), of(&on_card))
            })
            .collect()
    });
}

#[test]
fn ids_are_unique_and_no_group_is_an_id() {
    let catalogue = catalogue();
    let ids: BTreeSet<_> = catalogue.entries().iter().map(|entry| &entry.card.id).collect();
    assert_eq!(ids.len(), catalogue.entries().len());
    for entry in catalogue.entries() {
        let group = entry.probe.group;
        assert!(!ids.contains(&group.to_owned()), "{group} is a group and an id");
    }
}
