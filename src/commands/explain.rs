use super::output;
use crate::cli::ColorOption;
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::{decide_color, runbook};

/// Tells what is known about one failure mode.
///
/// # Errors
/// When there is no such probe, or the text could not be written.
pub fn run(id: &str, color: &ColorOption) -> anyhow::Result<Exit> {
    decide_color(color.color, output::is_terminal());
    let names = [id.to_owned()];
    let catalogue = Catalogue::select(&names, &[])?;
    let texts: Vec<String> =
        catalogue.entries().iter().map(|entry| runbook(&entry.card, output::width())).collect();
    output::write(&texts.join("\n"), None)?;
    Ok(Exit::Fine)
}
