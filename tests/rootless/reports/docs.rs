use std::ffi::OsString;
use std::fs;

use clap::ValueEnum;
use launch_doctor::cli::Cli;
use launch_doctor::report::{Format, render};

use super::fixture::sample_report;

const DOCUMENT: &str = include_str!("../../../docs/formats.md");

/// The fenced blocks of the document, each with the words behind its fence.
fn blocks() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let mut blocks = Vec::new();
    let mut lines = DOCUMENT.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let body = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((info.split_whitespace().collect(), body));
        }
    }
    blocks
}

fn name(format: Format) -> String {
    format.to_possible_value().expect("no format is hidden").get_name().to_owned()
}

/// Between lines with nothing but an ellipsis, an excerpt's lines follow one another in the report.
#[test]
fn every_format_has_a_section_with_an_excerpt_of_what_it_really_tells() {
    for format in Format::value_variants() {
        let name = name(*format);
        assert!(DOCUMENT.contains(&format!("\n## {name}\n")), "no section for {name}");
        let rendered = render(&sample_report(), *format, 80);
        let blocks = blocks();
        let block = blocks.iter().find(|(info, _)| info.get(1) == Some(&name.as_str()));
        let (_, lines) = block.unwrap_or_else(|| panic!("no excerpt of {name}"));
        let mut rest = rendered.as_str();
        for run in lines.split(|line| *line == "…") {
            let run = format!("{}\n", run.join("\n"));
            let at = rest.find(&run).unwrap_or_else(|| panic!("{name} does not have:\n{run}"));
            assert!(at == 0 || rest[..at].ends_with('\n'), "{run}");
            rest = &rest[at + run.len()..];
        }
    }
}

#[track_caller]
fn assert_is_one(command: &str) {
    let args: Vec<OsString> = command.split_whitespace().map(OsString::from).collect();
    assert_eq!(args[0], "doctor");
    if let Err(error) = Cli::from_args(&args) {
        panic!("{command}: {error}");
    }
}

#[test]
fn every_command_in_the_document_is_one() {
    let blocks = blocks();
    let commands: Vec<&str> = blocks
        .iter()
        .filter(|(info, _)| info == &["sh"])
        .flat_map(|(_, lines)| lines)
        .map(|line| line.split(" | ").next().expect("a first part"))
        .collect();
    assert!(commands.len() >= 4);
    commands.into_iter().for_each(assert_is_one);
}

#[test]
fn every_command_in_the_recipes_for_ci_systems_is_one() {
    let recipes = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/ci/recipes")).unwrap();
    let mut count = 0;
    let files = recipes.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    for recipe in files {
        let text = fs::read_to_string(recipe).unwrap();
        for (_, rest) in text.lines().filter_map(|line| line.split_once("/doctor ")) {
            // What follows belongs to the shell.
            let args = rest.split([')', '|', '>']).next().unwrap().trim_end_matches([' ', '2']);
            assert_is_one(&format!("doctor {args}"));
            count += 1;
        }
    }
    assert!(count >= 4, "{count}");
}
