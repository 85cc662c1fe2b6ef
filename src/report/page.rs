use std::fmt::Write as _;

use super::printable::one_line;
use crate::judge::{Card, Fact, Kind, Meaning, Severity};

/// A card as a page of Markdown.
pub fn page(card: &Card, group: &str) -> String {
    let mut text = format!("# {}: {}\n\n", card.id, escape(&card.title));
    let kind = match card.kind {
        Kind::Pin => "a pin: how a component behaves, held against the record for its version",
        Kind::Check => "a check: how this host is set up",
    };
    let _ = writeln!(text, "Group `{group}`; {kind}.\n");
    push_section(&mut text, "Symptom", &card.symptom);
    push_section(&mut text, "Cause", &card.cause);
    let _ = writeln!(text, "## Measured\n");
    for (name, fact) in &card.facts {
        push_fact(&mut text, name, fact, card.kind_of(fact));
    }
    if let Some(documents) = &card.documents {
        push_section(&mut text, "What the documents say", documents);
    }
    push_section(&mut text, "Workaround", &card.workaround.text);
    push_commands(&mut text, &card.workaround.commands);
    push_section(&mut text, "Relax when", &card.relax_when);
    let _ = writeln!(text, "## By hand\n");
    push_commands(&mut text, &card.reproduce);
    let _ = writeln!(text, "## Sources\n");
    for source in &card.sources {
        let _ = writeln!(text, "- {}", escape(source));
    }
    text
}

fn push_fact(text: &mut String, name: &str, fact: &Fact, kind: Kind) {
    let _ = writeln!(text, "### `{name}`\n\n{}\n", escape(&fact.asks));
    match kind {
        Kind::Pin => {
            let _ = writeln!(text, "| on | recorded | measured on |\n| --- | --- | --- |");
            for expectation in &fact.expect {
                let measured: Vec<String> =
                    expectation.measured().map(|version| version.to_string()).collect();
                let source =
                    expectation.source.as_ref().map(|source| format!("; {}", cell(source)));
                let _ = writeln!(
                    text,
                    "| {} | `{}` | {}{} |",
                    expectation.on,
                    expectation.value,
                    measured.join(", "),
                    source.unwrap_or_default(),
                );
            }
            let _ = writeln!(text);
        }
        Kind::Check => {}
    }
    for (value, meaning) in &fact.values {
        let _ = writeln!(text, "- `{value}`{}: {}", note(meaning), escape(&meaning.means));
    }
    let _ = writeln!(text);
}

/// What a value counts as, where that is more than nothing.
fn note(meaning: &Meaning) -> &'static str {
    match (meaning.trouble, meaning.verdict) {
        (true, _) => " (the trouble)",
        (false, Severity::Warn) => " (warn)",
        (false, Severity::Fail) => " (fail)",
        (false, Severity::Ok) => "",
    }
}

fn push_section(text: &mut String, heading: &str, body: &str) {
    let _ = writeln!(text, "## {heading}\n\n{}\n", escape(body.trim()));
}

fn push_commands(text: &mut String, commands: &[String]) {
    let _ = writeln!(text, "```sh\n{}\n```\n", commands.join("\n"));
}

/// Text as Markdown shows it: outside of code spans, what begins a tag is escaped.
fn escape(text: &str) -> String {
    text.split('`')
        .enumerate()
        .map(
            |(number, part)| {
                if number % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() }
            },
        )
        .collect::<Vec<_>>()
        .join("`")
}

/// Text in a table's cell.
pub(super) fn cell(text: &str) -> String {
    escape(&one_line(text)).replace('|', "\\|")
}
