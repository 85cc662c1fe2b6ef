use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};
use launch_probes::sandbox::stdout_was_closed;

/// The columns of the terminal on standard output; 80 where there is none.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

/// Whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes a text to a file, or to standard output.
///
/// A file appears whole or not at all; something that is not a regular file, such as a pipe or
/// /dev/stdout, is written to as it is.
///
/// # Errors
/// When it could not be written to its end.
pub fn write(text: &str, file: Option<&Path>) -> anyhow::Result<()> {
    match file {
        Some(path) => write_file(text, path)
            .with_context(|| format!("cannot write the report to {}", path.display())),
        None if stdout_was_closed() => {
            bail!("cannot write the report to standard output: it is closed")
        }
        None => {
            let mut stdout = io::stdout().lock();
            stdout
                .write_all(text.as_bytes())
                .and_then(|()| stdout.flush())
                .context("cannot write the report to standard output")
        }
    }
}

fn write_file(text: &str, path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return fs::OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The permissions of a new file, before the process's umask takes from them.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}
