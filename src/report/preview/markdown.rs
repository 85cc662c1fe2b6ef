use std::fmt::Write as _;

use super::{heading, rest, word};
use crate::judge::Preview;
use crate::text::markdown::inline;

/// Returns it as Markdown for a ticket; `name` is the host or record.
pub fn markdown(preview: &Preview, name: &str) -> String {
    let mut text = format!("## {} on {}\n", inline(&heading(preview)), inline(name));
    for change in &preview.changes {
        let _ = writeln!(
            text,
            "\n### {}: `{}`\n\n{}\n\n| fact | before | after | meaning |\n| --- | --- | --- | --- |",
            word(change.effect),
            change.id,
            inline(&change.title)
        );
        for fact in &change.facts {
            let meaning = match &fact.source {
                Some(source) => format!("{} ({source})", fact.description),
                None => fact.description.clone(),
            };
            let _ = writeln!(
                text,
                "| `{}` | `{}` | `{}` | {} |",
                inline(&fact.fact),
                inline(&fact.from),
                inline(&fact.to),
                inline(&meaning)
            );
        }
        if let Some(workaround) = &change.workaround {
            let _ = writeln!(text, "\n{}", inline(workaround));
        }
        if !change.commands.is_empty() {
            let _ = writeln!(text, "\n```sh\n{}\n```", change.commands.join("\n"));
        }
    }
    let _ = writeln!(
        text,
        "\n{}",
        rest(preview)
            .iter()
            .map(|line| format!("- {}", inline(line)))
            .collect::<Vec<_>>()
            .join("\n")
    );
    text
}
