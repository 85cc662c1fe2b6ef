use std::ffi::OsString;

use clap::ValueEnum;
use launch_doctor::cli::Cli;
use launch_doctor::report::{Format, render};

use crate::fixture::ordinary;

const DOCUMENT: &str = include_str!("../../docs/formats.md");

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
        let told = render(&ordinary(), *format, 80);
        let blocks = blocks();
        let block = blocks.iter().find(|(info, _)| info.get(1) == Some(&name.as_str()));
        let (_, lines) = block.unwrap_or_else(|| panic!("no excerpt of {name}"));
        let mut rest = told.as_str();
        for run in lines.split(|line| *line == "…") {
            let run = format!("{}\n", run.join("\n"));
            let at = rest.find(&run).unwrap_or_else(|| panic!("{name} does not tell:\n{run}"));
            assert!(at == 0 || rest[..at].ends_with('\n'), "{run}");
            rest = &rest[at + run.len()..];
        }
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
    for command in commands {
        let args: Vec<OsString> = command.split(' ').map(OsString::from).collect();
        assert_eq!(args[0], "doctor");
        if let Err(error) = Cli::from_args(&args) {
            panic!("{command}: {error}");
        }
    }
}
