use std::fmt::Write as _;

use colored::Colorize;

use crate::judge::{Difference, OneSidedFact};
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// Formats two compared records for people, in lines of at most `width` columns.
pub fn human(difference: &Difference, width: usize) -> String {
    let mut text = String::new();
    for changed in &difference.versions {
        let or_none = |version: &Option<String>| version.clone().unwrap_or_else(|| "(none)".into());
        let (a, b) = (or_none(&changed.a), or_none(&changed.b));
        let line = format!("{} {a} → {b}", changed.component);
        push_wrapped(&mut text, &one_line(&line), "", "  ", width);
    }
    let mut probe = "";
    for changed in &difference.facts {
        if changed.probe != probe {
            probe = &changed.probe;
            let _ = writeln!(text, "\n{}", one_line(probe).bold());
        }
        let line = format!("{}: {} → {}", changed.fact, changed.a, changed.b);
        push_wrapped(&mut text, &one_line(&line), "  ", "    ", width);
    }
    push_one_sided(&mut text, "only in the first, not compared", &difference.only_a, width);
    push_one_sided(&mut text, "only in the second, not compared", &difference.only_b, width);
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = match difference.facts.len() {
        0 => writeln!(text, "{gap}no fact differs"),
        1 => writeln!(text, "{gap}1 fact differs"),
        count => writeln!(text, "{gap}{count} facts differ"),
    };
    text
}

/// Formats two compared records as one JSON document.
pub fn json(difference: &Difference) -> String {
    let mut document = serde_json::json!(difference);
    document["schema"] = 1.into();
    format!("{document:#}\n")
}

fn push_one_sided(text: &mut String, heading: &str, facts: &[OneSidedFact], width: usize) {
    if facts.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", heading.bold());
    for fact in facts {
        let line = format!("{} {}: {}", fact.probe, fact.fact, fact.value);
        push_wrapped(text, &one_line(&line), "  ", "    ", width);
    }
}
