use std::fmt::Write as _;

use colored::Colorize;

use super::output;
use crate::cli::ColorOption;
use crate::exit::Exit;
use crate::judge::{Catalogue, Kind};
use crate::report::decide_color;

/// Lists the probes: id, kind and title, by group.
///
/// # Errors
/// When a name is neither an id nor a group, or the list could not be written.
pub fn run(names: &[String], color: &ColorOption) -> anyhow::Result<Exit> {
    decide_color(color.color, output::is_terminal());
    let catalogue = Catalogue::select(names, &[])?;
    let id_width = catalogue.entries().iter().map(|entry| entry.card.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut group = "";
    for entry in catalogue.entries() {
        if entry.probe.group != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = entry.probe.group;
            let _ = writeln!(text, "{gap}{}", group.bold());
        }
        let kind = match entry.card.kind {
            Kind::Pin => "pin",
            Kind::Check => "check",
        };
        let _ = writeln!(text, "  {:id_width$}  {kind:5}  {}", entry.card.id, entry.card.title);
    }
    output::write(&text, None)?;
    Ok(Exit::Fine)
}
