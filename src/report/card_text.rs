use std::fmt::Write as _;

use colored::Colorize;

use super::details::LOOK;
use crate::judge::{Card, Fact, FactValue, Kind, Severity};
use crate::text::wrap::push_wrapped;

/// Formats a card as a runbook for people, in lines of at most `width` columns: symptom, fix, cause, and how to see
/// it by hand. `is_verbose` adds when the fix can be dropped, the facts, and the sources.
pub fn card_text(card: &Card, is_verbose: bool, width: usize) -> String {
    let mut text = String::new();
    let title = format!("{}: {}", card.id.bold(), card.with_examples(&card.title));
    push_wrapped(&mut text, &title, "", "  ", width);
    if let Some(reason) = &card.lab_only {
        push_section(&mut text, "Measured in the lab only", &card.with_examples(reason), width);
    }
    push_section(&mut text, "Symptom", &card.with_examples(&card.symptom), width);
    push_section(&mut text, "Fix", &card.with_examples(&card.workaround.text), width);
    push_look(&mut text, card, &card.workaround.look, "  ");
    push_commands(&mut text, card, &card.workaround.commands, "  ");
    push_section(&mut text, "Cause", &card.with_examples(&card.cause), width);
    push_heading(&mut text, "See it by hand");
    push_commands(&mut text, card, &card.reproduce, "  ");
    if !is_verbose {
        let more = format!("doctor explain {} --verbose", card.id);
        let line = format!("Facts by version, and sources: {more}");
        let _ = writeln!(text, "\n{}", line.dimmed());
        return text;
    }
    push_section(&mut text, "Drop the fix when", &card.with_examples(&card.relax_when), width);
    push_heading(&mut text, "Facts");
    for (name, fact) in &card.facts {
        push_fact(&mut text, card, name, fact, width);
    }
    push_heading(&mut text, "Messages");
    match &card.no_signature {
        Some(reason) => push_wrapped(&mut text, reason, "  ", "  ", width),
        None => {
            for sample in card.signatures.iter().flat_map(|signature| &signature.samples) {
                push_wrapped(&mut text, sample, "  - ", "    ", width);
            }
        }
    }
    push_heading(&mut text, "Sources");
    for source in &card.sources {
        push_wrapped(&mut text, source, "  - ", "    ", width);
    }
    text
}

fn push_fact(text: &mut String, card: &Card, name: &str, fact: &Fact, width: usize) {
    push_wrapped(text, &format!("{}: {}", name.bold(), fact.question), "  ", "    ", width);
    let item = |text: &mut String, label: &str, value: &FactValue| {
        let line = format!("{label}: {}", card.with_examples(&value.description));
        push_wrapped(text, &line, "    - ", "      ", width);
    };
    match card.kind_of(fact) {
        Kind::Pin => {
            for expectation in &fact.expect {
                if let Some(value) = fact.values.get(&expectation.value) {
                    item(text, &format!("{}: {}", expectation.on, expectation.value), value);
                }
            }
        }
        Kind::Check => {
            for (name, value) in &fact.values {
                let severity = match value.verdict {
                    Severity::Ok => "",
                    Severity::Warn => " (warn)",
                    Severity::Fail => " (fail)",
                };
                item(text, &format!("{name}{severity}"), value);
                push_look(text, card, &value.look, "      ");
                push_commands(text, card, &value.fix, "      ");
            }
        }
    }
}

fn push_section(text: &mut String, heading: &str, body: &str, width: usize) {
    push_heading(text, heading);
    for paragraph in body.trim().split("\n\n") {
        let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        push_wrapped(text, &line, "  ", "  ", width);
    }
}

fn push_heading(text: &mut String, heading: &str) {
    let _ = writeln!(text, "\n{}", heading.bold());
}

fn push_look(text: &mut String, card: &Card, commands: &[String], indent: &str) {
    for command in commands {
        let _ = writeln!(text, "{indent}{} {}", LOOK.dimmed(), card.with_examples(command));
    }
}

fn push_commands(text: &mut String, card: &Card, commands: &[String], indent: &str) {
    for command in commands {
        let _ = writeln!(text, "{indent}{} {}", "$".dimmed(), card.with_examples(command));
    }
}
