use std::path::PathBuf;

use crate::config::read_record;
use crate::exit::Exit;
use crate::report::matrix;
use crate::sink;

/// Writes records side by side in Markdown, each under its file's name without the suffix.
///
/// # Errors
/// When one of them cannot be used, or the table could not be written.
pub(super) fn run(files: &[PathBuf]) -> anyhow::Result<Exit> {
    let records = files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, read_record(file)?))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    sink::write(&matrix(&records), None)?;
    Ok(Exit::Success)
}
