use std::fmt::Write as _;

use colored::Colorize;

use super::fold::push_wrapped;
use super::printable::one_line;
use crate::judge::Difference;

/// Two records compared, for people, in lines of at most `width` columns.
pub fn human(difference: &Difference, width: usize) -> String {
    let mut text = String::new();
    for changed in &difference.versions {
        let line = format!("{} {} → {}", changed.component, told(&changed.a), told(&changed.b));
        push_wrapped(&mut text, &one_line(&line), "", "  ", width);
    }
    let mut probe = "";
    for changed in &difference.facts {
        if changed.probe != probe {
            probe = &changed.probe;
            let _ = writeln!(text, "\n{}", one_line(probe).bold());
        }
        let line = format!("{}: {} → {}", changed.fact, told(&changed.a), told(&changed.b));
        push_wrapped(&mut text, &one_line(&line), "  ", "    ", width);
    }
    let gap = if text.is_empty() { "" } else { "\n" };
    let _ = match difference.facts.len() {
        0 => writeln!(text, "{gap}no fact differs"),
        1 => writeln!(text, "{gap}1 fact differs"),
        count => writeln!(text, "{gap}{count} facts differ"),
    };
    text
}

/// Two records compared, as one JSON document.
pub fn json(difference: &Difference) -> String {
    let mut document = serde_json::json!({ "schema": 1 });
    document["versions"] = serde_json::json!(difference.versions);
    document["facts"] = serde_json::json!(difference.facts);
    format!("{document:#}\n")
}

fn told(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("(nothing)")
}
