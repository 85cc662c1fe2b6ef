use std::fmt::Write as _;

use crate::judge::{Card, Fact, FactValue, Kind, Severity};
use crate::text::markdown::{code_block, code_span, inline};

/// Formats a card as a page of Markdown, in the order of the runbook that [`card_text`](super::card_text) is.
pub fn card_markdown(card: &Card, group: &str) -> String {
    let shown = |text: &str| inline(&card.with_examples(text));
    let mut text = format!("# {}: {}\n\n", card.id, shown(&card.title));
    let kind = match card.kind {
        Kind::Pin => "a behaviour: how a component behaves, by version",
        Kind::Check => "a check: how this host is set up",
    };
    let _ = writeln!(text, "Group `{group}`; {kind}.\n");
    if let Some(reason) = &card.lab_only {
        push_section(&mut text, card, "Measured in the lab only", reason);
    }
    push_section(&mut text, card, "Symptom", &card.symptom);
    push_section(&mut text, card, "Fix", &card.workaround.text);
    if !card.workaround.look.is_empty() {
        let _ = writeln!(text, "Look:\n");
        push_commands(&mut text, card, &card.workaround.look);
    }
    if !card.workaround.commands.is_empty() {
        push_commands(&mut text, card, &card.workaround.commands);
    }
    push_section(&mut text, card, "Cause", &card.cause);
    let _ = writeln!(text, "## See it by hand\n");
    push_commands(&mut text, card, &card.reproduce);
    push_section(&mut text, card, "Drop the fix when", &card.relax_when);
    let _ = writeln!(text, "## Facts\n");
    for (name, fact) in &card.facts {
        push_fact(&mut text, card, name, fact);
    }
    let _ = writeln!(text, "## Messages\n");
    if let Some(reason) = &card.no_signature {
        let _ = writeln!(text, "None: {}\n", inline(reason));
    } else {
        let samples = card.signatures.iter().flat_map(|signature| &signature.samples);
        for sample in samples {
            let _ = writeln!(text, "- {}", code_span(sample));
        }
        text.push('\n');
    }
    let _ = writeln!(text, "## Sources\n");
    for source in &card.sources {
        let _ = writeln!(text, "- {}", inline(source));
    }
    text
}

fn push_fact(text: &mut String, card: &Card, name: &str, fact: &Fact) {
    let _ = writeln!(text, "### `{name}`\n\n{}\n", inline(&fact.question));
    if card.kind_of(fact) == Kind::Pin {
        let _ = writeln!(text, "| on | recorded | measured on |\n| --- | --- | --- |");
        for expectation in &fact.expect {
            let measured: Vec<String> =
                expectation.measured().map(|version| version.to_string()).collect();
            let source = expectation.source.as_ref().map(|source| format!("; {}", inline(source)));
            let _ = writeln!(
                text,
                "| {} | `{}` | {}{} |",
                inline(&expectation.on.to_string()),
                expectation.value,
                measured.join(", "),
                source.unwrap_or_default(),
            );
        }
        let _ = writeln!(text);
    }
    for (name, value) in &fact.values {
        let description = inline(&card.with_examples(&value.description));
        let _ = writeln!(text, "- `{name}`{}: {description}", note(value));
    }
    let _ = writeln!(text);
}

/// Returns what a value counts as, unless it counts as fine.
fn note(value: &FactValue) -> &'static str {
    match (value.problem, value.verdict) {
        (true, _) => " (the problem)",
        (false, Severity::Warn) => " (warn)",
        (false, Severity::Fail) => " (fail)",
        (false, Severity::Ok) => "",
    }
}

fn push_section(text: &mut String, card: &Card, heading: &str, body: &str) {
    let _ = writeln!(text, "## {heading}\n");
    for paragraph in body.trim().split("\n\n") {
        let _ = writeln!(text, "{}\n", inline(&card.with_examples(paragraph)));
    }
}

fn push_commands(text: &mut String, card: &Card, commands: &[String]) {
    let commands: Vec<String> =
        commands.iter().map(|command| card.with_examples(command)).collect();
    let _ = writeln!(text, "{}", code_block("sh", &commands.join("\n")));
}
