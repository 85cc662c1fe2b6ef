use anyhow::bail;

use crate::cli::{ColorOption, ExplainFormat};
use crate::config::set_color;
use crate::diagnose::{LogLine, Matcher};
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::{card_markdown, card_text};
use crate::sink;

/// Explains one failure mode, all of a group, or those that a line of a log shows.
///
/// # Errors
/// When there is no such probe, no failure mode has such a message, or the text could not be written.
pub(super) fn run(
    id: &str,
    is_verbose: bool,
    format: ExplainFormat,
    color: &ColorOption,
) -> anyhow::Result<Exit> {
    set_color(color.color, sink::is_terminal());
    // No id has white space in it, and most messages have.
    let ids = if id.contains(char::is_whitespace) { modes_of(id)? } else { vec![id.to_owned()] };
    let catalogue = Catalogue::select(&ids, &[])?;
    let texts: Vec<String> = catalogue
        .entries()
        .iter()
        .map(|entry| match format {
            ExplainFormat::Human => card_text(&entry.card, is_verbose, sink::width()),
            ExplainFormat::Markdown => card_markdown(&entry.card, entry.probe.group),
        })
        .collect();
    sink::write(&texts.join("\n"), None)?;
    Ok(Exit::Success)
}

/// Returns the failure modes that a line of a log shows.
fn modes_of(line: &str) -> anyhow::Result<Vec<String>> {
    let catalogue = Catalogue::select(&[], &[])?;
    let matcher = Matcher::of(&catalogue);
    let found = [false, true].into_iter().find_map(|is_loose| {
        LogLine::read(line.as_bytes()).iter().find_map(|line| matcher.find(line, is_loose))
    });
    let Some(found) = found else {
        bail!("no known failure mode has this message; `doctor list` shows all failure modes");
    };
    let mut modes = vec![matcher.signature(found.index).0.to_owned()];
    modes.extend(found.also);
    Ok(modes)
}
