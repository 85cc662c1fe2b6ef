//! The records in docs/records against the cards: no range of a card contradicts what was measured, and a
//! look ahead names what two records differ in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use launch_doctor::config::read_record;
use launch_doctor::judge::{
    Baseline, Card, Catalogue, Entry, Kind, Platform, Preview, Record, Verdict, judge,
};
use launch_probes::{Measurement, Outcome};

/// Every record, by the stem of its file.
fn records() -> BTreeMap<String, Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/records");
    let records: BTreeMap<String, Record> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, read_record(&path).unwrap())
        })
        .collect();
    assert!(records.len() >= 20, "{} records", records.len());
    records
}

fn catalogue() -> Catalogue {
    Catalogue::select(&[], &[]).unwrap()
}

#[test]
fn the_cards_find_no_change_in_any_record() {
    let mut wrong = Vec::new();
    for (name, record) in records() {
        let versions = record.versions();
        let platform = Platform { versions: &versions, manager: record.manager };
        for Entry { card, .. } in catalogue().entries() {
            let Some(facts) = record.facts.get(&card.id) else { continue };
            let measurement = Measurement { facts: facts.clone(), ..Measurement::default() };
            let judged =
                judge(card, &Outcome::Measured(measurement), Baseline::Behaviours(platform));
            let is_judged = judged.verdict != Verdict::Unmeasured;
            assert!(is_judged, "{name}, {}: {:?}", card.id, judged.reason);
            for finding in judged.findings.iter().filter(|finding| finding.verdict.is_change()) {
                let expected = finding.expected.as_deref().unwrap_or("nothing");
                wrong.push(format!(
                    "{name}: {} {} is `{}`, and the card expects `{expected}`",
                    card.id, finding.fact, finding.measured
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_preview_names_exactly_the_facts_in_which_two_records_differ() {
    let records = records();
    let catalogue = catalogue();
    let cards: Vec<&Card> = catalogue.entries().iter().map(|entry| &entry.card).collect();
    let mut wrong = Vec::new();
    for (from_name, from) in &records {
        for (to_name, to) in &records {
            let (before, after) = (from.versions(), to.versions());
            let preview = Preview::between(
                cards.iter().copied(),
                Platform { versions: &before, manager: from.manager },
                Platform { versions: &after, manager: to.manager },
            );
            let named: BTreeSet<String> = preview
                .changes
                .iter()
                .flat_map(|change| {
                    change.facts.iter().map(|fact| format!("{} {}", change.id, fact.fact))
                })
                .filter(|fact| is_in_both(fact, from, to))
                .collect();
            let differing = differing(&cards, from, to);
            if named != differing {
                wrong.push(format!(
                    "{from_name} -> {to_name}: {:?}",
                    named.symmetric_difference(&differing)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A fact that one of the two hosts could not measure can be in no difference.
fn is_in_both(name: &str, from: &Record, to: &Record) -> bool {
    let (probe, fact) = name.split_once(' ').unwrap();
    let has =
        |record: &Record| record.facts.get(probe).is_some_and(|facts| facts.contains_key(fact));
    has(from) && has(to)
}

/// The behaviours' facts that both records have and that differ, as `probe fact`.
fn differing(cards: &[&Card], from: &Record, to: &Record) -> BTreeSet<String> {
    let mut differing = BTreeSet::new();
    for card in cards {
        let (Some(before), Some(after)) = (from.facts.get(&card.id), to.facts.get(&card.id)) else {
            continue;
        };
        for (name, fact) in &card.facts {
            let is_recorded = card.kind_of(fact) == Kind::Pin && !fact.nondeterministic;
            let (Some(before), Some(after)) = (before.get(name), after.get(name)) else { continue };
            if is_recorded && before != after {
                differing.insert(format!("{} {name}", card.id));
            }
        }
    }
    differing
}

#[test]
fn a_record_that_was_sent_is_taken_in_only_if_it_names_no_host_and_the_cards_agree() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let good = fs::read_to_string(project.join("docs/records/debian-14.toml")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sent.toml");
    let refused = good.replacen("scope-bus-alone = \"starts\"", "scope-bus-alone = \"refused\"", 1);
    let no_tmux = good.replacen("tmux = \"3.7c\"\n", "", 1);
    let with_path =
        good.replacen("scope-bus-alone = \"starts\"", "scope-bus-alone = \"/home/ann\"", 1);
    for (record, status, expected) in [
        (good.as_str(), 0, "can be taken in"),
        (&refused, 1, "facts disagree with the cards"),
        (&no_tmux, 1, "no version of tmux"),
        (&with_path, 1, "may name a host, a user or a path"),
        ("garbage", 1, "is not a record"),
    ] {
        fs::write(&path, record).unwrap();
        let output = Command::new(project.join("ci/record-check"))
            .arg(&path)
            .env("DOCTOR_BIN", env!("CARGO_BIN_EXE_doctor"))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(status), "{text}");
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
