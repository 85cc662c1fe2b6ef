//! The lint over the cards: what is recorded must be complete, consistent and have a source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use launch_doctor::judge::{Card, Catalogue, Entry, Fact, Kind, Verdict, Version};

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
                wrong.push(format!("`{name}` says nothing"));
            }
        }
        if card.title.ends_with('.') || card.title.len() > 80 {
            wrong.push("the title is a phrase of at most 80 letters without a full stop".into());
        }
        let lists = [
            ("workaround.commands", &card.workaround.commands),
            ("reproduce", &card.reproduce),
            ("sources", &card.sources),
        ];
        for (name, list) in lists {
            if list.is_empty() || list.iter().any(|line| line.trim().is_empty()) {
                wrong.push(format!("`{name}` is empty"));
            }
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
            if !fact.asks.ends_with('?') {
                wrong.push(format!("`{name}` asks nothing"));
            }
            if fact.values.len() < 2 {
                wrong.push(format!("`{name}` has fewer than two values, so it tells nothing"));
            }
            for (value, meaning) in &fact.values {
                if !meaning.means.ends_with('.') {
                    wrong.push(format!("`{name} = {value}` means no sentence"));
                }
            }
        }
        wrong
    });
}

#[test]
fn a_pin_is_recorded_for_every_version_without_gap_or_overlap() {
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
    let mut ranges: Vec<_> = fact.expect.iter().map(|expect| &expect.on).collect();
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
fn a_check_tells_good_from_bad_and_each_finding_has_a_fix() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        for (name, fact) in facts_of(card, Kind::Check) {
            if !fact.expect.is_empty() {
                wrong.push(format!("`{name}` is a check and has a record by version"));
            }
            for (value, meaning) in &fact.values {
                let is_finding = Verdict::from(meaning.verdict).is_finding();
                if is_finding && meaning.fix.is_empty() && meaning.fix_by.is_none() {
                    wrong.push(format!("`{name} = {value}` is a finding without a fix"));
                }
                if let Some(other) = &meaning.fix_by
                    && !card.facts.contains_key(other)
                {
                    wrong.push(format!(
                        "`{name} = {value}` has its fix by `{other}`, which is no fact"
                    ));
                }
                if meaning.trouble {
                    wrong.push(format!("`{name} = {value}`: only a pin has a trouble"));
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
            wrong.push("it is a check that can find nothing".into());
        }
        wrong
    });
}

/// A value that no release shows and no test makes is a guess.
#[test]
fn every_value_is_expected_on_some_version_or_seen_in_a_test() {
    let tests = sources(Path::new("tests"), |file| file);
    lint(|Entry { card, probe }| {
        // Several facts may share a scale: a value of it counts for all of them.
        let mut expected: BTreeMap<Vec<&String>, BTreeSet<&str>> = BTreeMap::new();
        for fact in card.facts.values() {
            let values = expected.entry(fact.values.keys().collect()).or_default();
            values.extend(fact.expect.iter().map(|expect| expect.value.as_str()));
        }
        let unit_tests = sources(&Path::new("probes").join(probe.group), unit_tests);
        let mut wrong = Vec::new();
        for (name, fact) in &card.facts {
            let expected = &expected[&fact.values.keys().collect::<Vec<_>>()];
            for value in fact.values.keys() {
                let literal = format!("\"{value}\"");
                let is_tested = tests.contains(&literal) || unit_tests.contains(&literal);
                if !expected.contains(value.as_str()) && !is_tested {
                    wrong.push(format!(
                        "`{name} = {value}` is expected nowhere and seen in no test"
                    ));
                }
            }
        }
        wrong
    });
}

#[test]
fn ids_are_unique_and_lie_under_their_group() {
    let catalogue = catalogue();
    let ids: BTreeSet<_> = catalogue.entries().iter().map(|entry| &entry.card.id).collect();
    assert_eq!(ids.len(), catalogue.entries().len());
    for entry in catalogue.entries() {
        let group = entry.probe.group;
        assert!(!ids.contains(&group.to_owned()), "{group} is a group and an id");
    }
}

/// A part of each Rust file below a folder, put together.
fn sources(folder: &Path, part: fn(&str) -> &str) -> String {
    let mut text = String::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(part(&fs::read_to_string(path).unwrap()));
            }
        }
    }
    text
}

/// What stands in a file from its unit tests on.
fn unit_tests(file: &str) -> &str {
    file.find("#[cfg(test)]").map_or("", |start| &file[start..])
}
