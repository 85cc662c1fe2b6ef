use super::output;
use crate::cli::{ColorOption, ExplainFormat};
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::{decide_color, page, runbook};

/// Tells what is known about one failure mode, or about all of a group.
///
/// # Errors
/// When there is no such probe, or the text could not be written.
pub fn run(id: &str, format: ExplainFormat, color: &ColorOption) -> anyhow::Result<Exit> {
    decide_color(color.color, output::is_terminal());
    let catalogue = Catalogue::select(&[id.to_owned()], &[])?;
    let texts: Vec<String> = catalogue
        .entries()
        .iter()
        .map(|entry| match format {
            ExplainFormat::Human => runbook(&entry.card, output::width()),
            ExplainFormat::Markdown => page(&entry.card, entry.probe.group),
        })
        .collect();
    output::write(&texts.join("\n"), None)?;
    Ok(Exit::Fine)
}
