use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use launch_doctor::judge::Entry;
use launch_doctor::report::{card_markdown, card_text};
use launch_doctor::text::placeholders;

use super::lint;
use crate::rust_files::rust_files;

#[test]
fn every_placeholder_is_a_declared_detail_a_list_or_a_fact() {
    lint(|Entry { card, probe }| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes").join(probe.group);
        let lists = names_of_lists(&folder);
        let used: BTreeSet<&str> = card.templates().flat_map(placeholders).collect();
        used.into_iter()
            .filter(|name| !card.details.contains_key(*name) && !card.facts.contains_key(*name))
            .filter(|name| !lists.contains(*name))
            .map(|name| format!("`{{{name}}}` is neither in `details` nor a list or a fact"))
            .collect()
    });
}

#[test]
fn texts_that_are_shown_as_they_are_have_no_placeholder() {
    lint(|Entry { card, .. }| {
        let questions = card.facts.values().map(|fact| &fact.question);
        let texts = card.sources.iter().chain(questions).chain(card.details.values());
        texts
            .flat_map(|text| placeholders(text))
            .map(|name| format!("`{{{name}}}` is in a text in which nothing is filled in"))
            .collect()
    });
}

#[test]
fn explain_and_the_pages_show_no_raw_placeholder() {
    lint(|Entry { card, probe }| {
        let texts = [card_text(card, true, 80), card_markdown(card, probe.group)];
        let raw = texts.iter().flat_map(|text| placeholders(text));
        raw.map(|name| format!("`{{{name}}}` is shown raw")).collect()
    });
}

#[test]
fn a_summary_is_chosen_by_declared_facts() {
    lint(|Entry { card, .. }| {
        let pairs = card.summary.iter().flat_map(|summary| &summary.when);
        pairs
            .filter(|(fact, value)| {
                !card.facts.get(*fact).is_some_and(|fact| fact.values.contains_key(*value))
            })
            .map(|(fact, value)| {
                format!("a summary depends on `{fact} = {value}`, which is not declared")
            })
            .collect()
    });
}

/// The lists that the probes of a folder give: each is the first argument of `measurement.list`.
fn names_of_lists(folder: &Path) -> BTreeSet<String> {
    let call = regex::Regex::new(r#"measurement\s*\.list\(\s*"([^"]+)""#).unwrap();
    let mut names = BTreeSet::new();
    for source in rust_files(folder) {
        let text = fs::read_to_string(source).unwrap();
        names.extend(call.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    names
}

#[test]
fn lists_are_found_where_probes_give_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes/tmux");
    assert!(names_of_lists(&folder).contains("pid"));
}
