use std::fmt::Write as _;

use colored::Colorize;

use super::fold::push_wrapped;
use crate::judge::{Card, Fact, Kind};

/// A card as a runbook for people, in lines of at most `width` columns.
pub fn runbook(card: &Card, width: usize) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, &format!("{}: {}", card.id.bold(), card.title), "", "  ", width);
    push_section(&mut text, "Symptom", &card.symptom, width);
    push_section(&mut text, "Cause", &card.cause, width);
    push_heading(&mut text, "Measured");
    for (name, fact) in &card.facts {
        push_fact(&mut text, name, fact, card.kind_of(fact), width);
    }
    if let Some(documents) = &card.documents {
        push_section(&mut text, "What the documents say", documents, width);
    }
    push_section(&mut text, "Workaround", &card.workaround.text, width);
    push_commands(&mut text, &card.workaround.commands);
    push_section(&mut text, "Relax when", &card.relax_when, width);
    push_heading(&mut text, "By hand");
    push_commands(&mut text, &card.reproduce);
    push_heading(&mut text, "Sources");
    for source in &card.sources {
        push_wrapped(&mut text, source, "  - ", "    ", width);
    }
    text
}

fn push_fact(text: &mut String, name: &str, fact: &Fact, kind: Kind, width: usize) {
    push_wrapped(text, &format!("{}: {}", name.bold(), fact.asks), "  ", "    ", width);
    match kind {
        Kind::Pin => {
            for expectation in &fact.expect {
                let value = &expectation.value;
                let means = fact.values.get(value).map_or("", |meaning| &meaning.means);
                let line = format!("{}: {value}. {means}", expectation.on);
                push_wrapped(text, &line, "    - ", "      ", width);
            }
        }
        Kind::Check => {
            for (value, meaning) in &fact.values {
                push_wrapped(
                    text,
                    &format!("{value}: {}", meaning.means),
                    "    - ",
                    "      ",
                    width,
                );
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

fn push_commands(text: &mut String, commands: &[String]) {
    for command in commands {
        let _ = writeln!(text, "  {} {command}", "$".dimmed());
    }
}
