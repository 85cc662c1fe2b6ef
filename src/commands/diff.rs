use std::path::Path;

use crate::cli::{ColorOption, DiffFormat};
use crate::config::{read_record_or_report, set_color};
use crate::exit::Exit;
use crate::judge::Difference;
use crate::report::difference;
use crate::sink;

/// Compares two records or JSON reports.
///
/// # Errors
/// When one of them cannot be read, or the result could not be written.
pub(super) fn run(
    a: &Path,
    b: &Path,
    format: DiffFormat,
    color: &ColorOption,
) -> anyhow::Result<Exit> {
    set_color(color.color, sink::is_terminal());
    let difference = Difference::between(&read_record_or_report(a)?, &read_record_or_report(b)?);
    let text = match format {
        DiffFormat::Human => difference::human(&difference, sink::width()),
        DiffFormat::Json => difference::json(&difference),
    };
    sink::write(&text, None)?;
    Ok(if difference.is_empty() { Exit::Success } else { Exit::Findings })
}
