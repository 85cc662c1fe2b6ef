use std::fs;
use std::path::{Path, PathBuf};

use launch_doctor::judge::{Card, Entry};
use regex::Regex;

use super::catalogue;
use crate::rust_files::rust_files;

/// A value that no release shows and no test makes is a guess. A pair of a fact and its value counts as seen where a
/// release is recorded with it; where a test of the lab that names the probe asserts it, or a unit test of its group;
/// and where a unit test of the probe names the value.
#[test]
fn every_fact_and_value_is_expected_on_a_version_or_asserted_in_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lab = read_all(&root.join("tests/lab"));
    let mut unseen = Vec::new();
    for Entry { card, probe } in catalogue().entries() {
        let group = root.join("probes").join(probe.group);
        // What only the lab measures has no source there.
        let source = fs::read_to_string(group.join(format!("{}.rs", probe.name)));
        let source = source.unwrap_or_default();
        let id = format!("\"{}\"", card.id);
        let constants = constants_of(&id, &lab);
        let is_of_probe = |path: &Path, text: &str| {
            text.contains(&id)
                || path.to_string_lossy().contains(probe.name)
                || constants.iter().any(|constant| constant.is_match(text))
        };
        let in_lab = lab.iter().filter(|(path, text)| is_of_probe(path, text));
        let mut tests: Vec<String> = in_lab.map(|(_, text)| text.clone()).collect();
        tests.extend(read_all(&group).into_iter().map(|(_, text)| unit_tests(&text).to_owned()));
        for (fact, value) in pairs(card) {
            let is_expected = card.facts[fact].expect.iter().any(|expect| expect.value == value);
            let is_asserted = || tests.iter().any(|text| asserts(text, fact, value));
            if !is_expected && !is_asserted() && !names_value(unit_tests(&source), value) {
                unseen.push(format!("{} {fact} {value}", card.id));
            }
        }
    }
    assert!(unseen.is_empty(), "expected on no version and asserted in no test: {unseen:#?}");
}

/// The constants that a test of another file may import in place of a probe's id: public ones, and those of a `mod.rs`.
fn constants_of(id: &str, tests: &[(PathBuf, String)]) -> Vec<Regex> {
    let definition = Regex::new(&format!(r"(pub\S* )?const (\w+): &str = {id};")).unwrap();
    let found = tests.iter().flat_map(|(path, text)| {
        let is_shared = path.ends_with("mod.rs");
        definition.captures_iter(text).filter(move |found| is_shared || found.get(1).is_some())
    });
    let names = found.map(|found| found[2].to_owned());
    names.map(|name| Regex::new(&format!(r"\b{name}\b")).unwrap()).collect()
}

fn pairs(card: &Card) -> impl Iterator<Item = (&str, &str)> {
    card.facts.iter().flat_map(|(name, fact)| {
        fact.values.keys().map(move |value| (name.as_str(), value.as_str()))
    })
}

/// Whether a test asserts a fact's value: as `("fact", "value")`, as `fact("id", "fact"), "value"` or
/// `["fact"], "value"`, or for a check of one fact, `fact: "fact"`, as `"value", "verdict"`.
fn asserts(text: &str, fact: &str, value: &str) -> bool {
    let (fact, value) = (regex::escape(fact), regex::escape(value));
    let is_match = |pattern: String| Regex::new(&pattern).unwrap().is_match(text);
    is_match(format!(r#""{fact}"[\])]?\s*,\s*"{value}""#))
        || (is_match(format!(r#"fact: "{fact}""#))
            && is_match(format!(r#""{value}"\s*,\s*"(ok|known|warn|fail|relaxable|regressed)""#)))
}

/// Whether unit tests name a value: as text, or as the variant of its enum.
fn names_value(tests: &str, value: &str) -> bool {
    let variant: String = value.split('-').map(capitalized).collect();
    tests.contains(&format!("\"{value}\"")) || tests.contains(&format!("::{variant}"))
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The part of a source file that is its unit tests.
fn unit_tests(source: &str) -> &str {
    source.find("#[cfg(test)]").map_or("", |start| &source[start..])
}

fn read_all(folder: &Path) -> Vec<(PathBuf, String)> {
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    rust_files(folder).into_iter().map(read).collect()
}

#[test]
fn a_bare_word_and_the_value_of_another_fact_are_not_the_pair() {
    let test = r#"report.assert_facts("linger", &[("file", "there"), ("logind", "on")]);"#;
    assert!(asserts(test, "file", "there") && asserts(test, "logind", "on"));
    assert!(!asserts(test, "logind", "there") && !asserts(test, "file", "on"));
    assert!(asserts(r#"assert_eq!(report.fact("lock-path", "sh"), "stops");"#, "sh", "stops"));
    assert!(!asserts(r#"let stops = ("sh", x); assert_eq!(y, "stops");"#, "sh", "stops"));
    let check = r#"FactCheck { id: "linger", fact: "lingers" }.expect(&m, "", "no", "fail")"#;
    assert!(asserts(check, "lingers", "no") && !asserts(check, "logind", "no"));
    assert!(names_value("assert_eq!(x, Lingers::NotTakenUp)", "not-taken-up"));
    assert!(!names_value("assert!(not_taken_up)", "not-taken-up"));
}
