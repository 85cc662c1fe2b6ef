//! What an upgrade changes, one file a format.

mod human;
mod markdown;

use crate::judge::{Effect, Preview};

pub use human::human;
pub use markdown::markdown;

/// Returns it as one JSON document.
pub fn json(preview: &Preview) -> String {
    let mut text = serde_json::to_string_pretty(preview).expect("its keys are text");
    text.push('\n');
    text
}

/// Returns the versions that change, as `systemd 257.13 -> 258`.
fn heading(preview: &Preview) -> String {
    let changed: Vec<String> = preview
        .to
        .iter()
        .filter(|(component, to)| preview.from.get(*component) != Some(*to))
        .map(|(component, to)| match preview.from.get(component) {
            Some(from) => format!("{component} {from} -> {to}"),
            None => format!("{component} {to}"),
        })
        .collect();
    if changed.is_empty() { "no version changes".to_owned() } else { changed.join(", ") }
}

/// Returns what is not a change: how many behaviours stay, and which are not known.
fn rest(preview: &Preview) -> Vec<String> {
    let mut lines = Vec::new();
    let stay = match preview.unchanged {
        1 => "1 behaviour stays as it is".to_owned(),
        count => format!("{count} behaviours stay as they are"),
    };
    lines.push(stay);
    for (component, newest, ids) in preview.unknown_by_component() {
        let are = if ids.len() == 1 { "is" } else { "are" };
        let known = match newest {
            Some(newest) => format!("{are} not known beyond {component} {newest}"),
            None => format!("{are} not recorded for that {component}"),
        };
        lines.push(format!("{} {known}: {}", ids.len(), ids.join(", ")));
    }
    lines
}

/// The word for an effect in front of an id.
fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Breaks => "breaks",
        Effect::NeedsWorkaround => "needs a workaround",
        Effect::MayRelax => "may be relaxed",
        Effect::Differs => "differs",
    }
}
