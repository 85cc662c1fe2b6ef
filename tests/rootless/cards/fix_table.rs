//! Every fix on a card is proved in the lab: the table of states is complete, and names nothing that is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use launch_doctor::judge::{Card, Kind, Verdict};

use super::catalogue;
use super::exceptions::Exceptions;
use crate::fix_tables::{Table, tables};
use crate::release::Release;

type Facts = BTreeMap<String, String>;

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns each value of a fact for which a report prints a fix: `FACT = VALUE`. A check's value that is no finding has a
/// fix only where another value refers to its fact.
fn pairs_with_fix(card: &Card) -> BTreeSet<String> {
    let all_values = || card.facts.values().flat_map(|fact| fact.values.values());
    let referred: BTreeSet<&str> =
        all_values().filter_map(|meaning| meaning.fix_by.as_deref()).collect();
    let mut pairs = BTreeSet::new();
    for (name, fact) in &card.facts {
        for (value, meaning) in &fact.values {
            let is_finding = Verdict::from(meaning.verdict).is_finding();
            let is_printed =
                is_finding || referred.contains(name.as_str()) || card.kind_of(fact) == Kind::Pin;
            if !meaning.fix.is_empty() && is_printed || meaning.fix_by.is_some() && is_finding {
                pairs.insert(format!("{name} = {value}"));
            }
        }
    }
    pairs
}

fn pairs(facts: &Facts) -> impl Iterator<Item = String> + '_ {
    facts.iter().map(|(fact, value)| format!("{fact} = {value}"))
}

/// Returns the facts of every entry of a table.
fn facts_of(table: &Table) -> impl Iterator<Item = &Facts> {
    let cases = table.cases.iter().map(|case| &case.facts);
    let elsewhere = table.elsewhere.iter().map(|entry| &entry.facts);
    cases.chain(elsewhere).chain(table.not_executed.iter().map(|entry| &entry.facts))
}

#[test]
fn every_fix_is_executed_in_its_state_or_the_table_says_why_not() {
    let tables = tables(repository());
    let mut missing = BTreeMap::new();
    for entry in catalogue().entries() {
        let card = &entry.card;
        let table = tables.get(&card.id);
        let proved: BTreeSet<String> =
            table.into_iter().flat_map(facts_of).flat_map(pairs).collect();
        for pair in pairs_with_fix(card).difference(&proved) {
            let file = format!("tests/lab/fixes/cases/{}.toml has no case for it", card.id);
            missing.insert(format!("{}: {pair}", card.id), file);
        }
    }
    Exceptions::in_file("fixes_without_proof.txt").assert_cover(&missing);
}

#[test]
fn the_table_names_declared_facts_known_releases_and_tests_that_exist() {
    let catalogue = catalogue();
    let mut wrong = Vec::new();
    for (id, table) in tables(repository()) {
        let Some(entry) = catalogue.entries().iter().find(|entry| entry.card.id == id) else {
            wrong.push(format!("{id}.toml is named after no probe"));
            continue;
        };
        for (fact, value) in facts_of(&table).flatten() {
            if !entry.card.facts.get(fact).is_some_and(|fact| fact.values.contains_key(value)) {
                wrong.push(format!("{id}: `{fact} = {value}` is not declared"));
            }
        }
        let with_fix = pairs_with_fix(&entry.card);
        let not_made = table.elsewhere.iter().map(|it| &it.facts);
        let not_made = not_made.chain(table.not_executed.iter().map(|it| &it.facts));
        for pair in not_made.flat_map(pairs).filter(|pair| !with_fix.contains(pair)) {
            wrong.push(format!("{id}: `{pair}` has no fix that could be executed"));
        }
        for case in &table.cases {
            let is_known = |name: &&String| Release::ALL.iter().any(|it| it.name() == **name);
            if case.releases.is_empty() || !case.releases.iter().all(|name| is_known(&name)) {
                wrong.push(format!("{id}: `{}` is not made on releases of the lab", case.name));
            }
        }
        let tests = table.elsewhere.iter().map(|it| &it.test);
        wrong.extend(tests.filter(|test| !exists(test)).map(|it| format!("{id}: no test {it}")));
        let reasons = table.not_executed.iter().map(|it| &it.reason);
        let too_short = reasons.filter(|reason| reason.len() < 20 || !reason.ends_with('.'));
        wrong.extend(too_short.map(|reason| format!("{id}: `{reason}` is no reason")));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Returns whether the lab has a test: `scope::availability::FUNCTION`.
fn exists(test: &str) -> bool {
    let Some((module, function)) = test.rsplit_once("::") else { return false };
    let module = repository().join("tests/lab").join(module.replace("::", "/"));
    let files = [module.with_extension("rs"), module.join("mod.rs")];
    let texts = files.iter().filter_map(|file| fs::read_to_string(file).ok());
    texts.into_iter().any(|text| text.contains(&format!("fn {function}(")))
}

#[test]
fn a_test_of_the_lab_is_found_by_its_path() {
    assert!(exists("session::linger::disabled_lingering_is_found_and_enabled_by_the_fix"));
    assert!(!exists("session::linger::no_such_test"));
    assert!(!exists("no_module"));
}
