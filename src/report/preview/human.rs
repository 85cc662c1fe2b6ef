use std::fmt::Write as _;

use colored::Colorize;

use super::{heading, rest, word};
use crate::judge::{BehaviourChange, Effect, FactChange, Preview};
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// Returns it for people, in lines of at most `width` columns; `name` is the host or record.
pub fn human(preview: &Preview, name: &str, width: usize) -> String {
    let mut text = String::new();
    let heading = format!("{} on {name}", heading(preview));
    push_wrapped(&mut text, &one_line(&heading), "", "  ", width);
    for change in &preview.changes {
        push_change(&mut text, change, width);
    }
    text.push('\n');
    for line in rest(preview) {
        push_wrapped(&mut text, &format!("– {line}"), "", "  ", width);
    }
    text
}

fn push_change(text: &mut String, change: &BehaviourChange, width: usize) {
    let (mark, word) = match change.effect {
        Effect::Breaks => ("✗".red(), word(change.effect).red()),
        Effect::NeedsWorkaround => ("!".yellow(), word(change.effect).yellow()),
        Effect::MayRelax => ("↓".green(), word(change.effect).green()),
        Effect::Differs => ("–".normal(), word(change.effect).normal()),
    };
    text.push('\n');
    let first = format!("{mark} {word}  {}  {}", change.id.bold(), one_line(&change.title));
    push_wrapped(text, &first, "", "    ", width);
    let mut facts = &change.facts[..];
    while let Some(first) = facts.first() {
        // Facts that change alike are one line.
        let is_alike = |it: &&FactChange| {
            (&it.from, &it.to, &it.description) == (&first.from, &first.to, &first.description)
        };
        let count = facts.iter().take_while(is_alike).count();
        let names: Vec<&str> = facts[..count].iter().map(|it| it.fact.as_str()).collect();
        let (from, to) = (&first.from, &first.to);
        let line =
            format!("{}: {from} -> {to}. {}", names.join(", "), one_line(&first.description));
        push_wrapped(text, &line, "    ", "    ", width);
        facts = &facts[count..];
    }
    if change.effect == Effect::MayRelax
        && let Some(workaround) = &change.workaround
    {
        let line = format!("The workaround may go: {}", one_line(workaround));
        push_wrapped(text, &line, "    ", "    ", width);
    }
    for command in &change.commands {
        let _ = writeln!(text, "    {} {}", "$".dimmed(), one_line(command).bold());
    }
    let _ = writeln!(text, "    {}", format!("doctor explain {}", change.id).dimmed());
}
