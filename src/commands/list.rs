use std::fmt::Write as _;

use colored::Colorize;

use crate::cli::ColorOption;
use crate::config::set_color;
use crate::exit::Exit;
use crate::judge::{Catalogue, Kind};
use crate::sink;

/// Lists the probes by group: id, kind and title.
///
/// # Errors
/// When a name is neither an id nor a group, or the list could not be written.
pub(super) fn run(names: &[String], color: &ColorOption) -> anyhow::Result<Exit> {
    set_color(color.color, sink::is_terminal());
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
            Kind::Pin => "behaviour",
            Kind::Check => "check",
        };
        let mark = if entry.card.lab_only.is_some() { " (measured in the lab)" } else { "" };
        let (id, title) = (&entry.card.id, &entry.card.title);
        let _ = writeln!(text, "  {id:id_width$}  {kind:9}  {title}{mark}");
    }
    sink::write(&text, None)?;
    Ok(Exit::Success)
}
