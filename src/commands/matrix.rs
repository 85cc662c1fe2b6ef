use std::path::PathBuf;

use super::output;
use crate::exit::Exit;
use crate::judge::Record;
use crate::report::matrix;

/// Puts records side by side in Markdown, each under the stem of its file's name.
///
/// # Errors
/// When one of them cannot be used, or the table could not be written.
pub fn run(files: &[PathBuf]) -> anyhow::Result<Exit> {
    let records = files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, Record::read(file)?))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    output::write(&matrix(&records), None)?;
    Ok(Exit::Fine)
}
