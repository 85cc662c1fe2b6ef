use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{self, Path, PathBuf};

use anyhow::{Context, bail};
use launch_probes::runner::stdout_was_closed;

use crate::text::sanitize::one_line;

/// A place to which a text is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, which appears complete or not at all. What is not a regular file, such as a pipe, is opened and
    /// written to.
    File(PathBuf),
    /// The end of a file that other programs write to as well.
    Append(PathBuf),
}

/// Returns the columns of the terminal on standard output; 80 without a terminal.
pub fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
}

/// Returns whether standard output is a terminal.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes a line to standard error, for the person who called.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "doctor: {}", one_line(text));
}

/// Writes a text to a file, or to standard output.
///
/// # Errors
/// When it could not be written completely.
pub fn write(text: &str, file: Option<&Path>) -> anyhow::Result<()> {
    file.map_or(Sink::Stdout, Sink::from_path).write(text)
}

impl Sink {
    /// Returns the place that a path on the command line names. `-` and /dev/stdout are standard output itself:
    /// if it is a file, opening it by that name would overwrite it.
    pub fn from_path(path: &Path) -> Self {
        match path.to_str() {
            Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => Self::Stdout,
            Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => Self::Stderr,
            _ => Self::File(resolve_link(path)),
        }
    }

    /// Returns whether both are the same place.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => path::absolute(a).ok() == path::absolute(b).ok(),
            _ => self == other,
        }
    }

    /// Returns whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::File(_) | Self::Append(_) => false,
        }
    }

    /// Checks that a text can be written, without writing one.
    ///
    /// # Errors
    /// When it cannot.
    pub fn ensure_writable(&self) -> anyhow::Result<()> {
        match self {
            Self::Stdout if stdout_was_closed() => {
                bail!("cannot write the report to standard output: it is closed")
            }
            Self::Stdout | Self::Stderr => Ok(()),
            Self::File(path) => ensure_file(path).with_context(|| failure_at(path)),
            Self::Append(path) => open_end(path).map(drop).with_context(|| failure_at(path)),
        }
    }

    /// Writes a text.
    ///
    /// # Errors
    /// When it could not be written completely.
    pub fn write(&self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Stdout => {
                self.ensure_writable()?;
                let mut stdout = io::stdout().lock();
                stdout
                    .write_all(text.as_bytes())
                    .and_then(|()| stdout.flush())
                    .context("cannot write the report to standard output")
            }
            Self::Stderr => io::stderr()
                .write_all(text.as_bytes())
                .context("cannot write the report to standard error"),
            Self::File(path) => write_file(text, path).with_context(|| failure_at(path)),
            Self::Append(path) => open_end(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| failure_at(path)),
        }
    }
}

fn failure_at(path: &Path) -> String {
    format!("cannot write the report to {}", path.display())
}

/// Returns the target of a symbolic link, so that the link is kept.
fn resolve_link(path: &Path) -> PathBuf {
    let is_link = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    match fs::canonicalize(path) {
        Ok(target) if is_link => target,
        _ => path.to_owned(),
    }
}

fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn ensure_file(path: &Path) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(metadata) if !metadata.is_file() => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => tempfile::tempfile_in(dir_of(path)).map(drop),
    }
}

fn open_end(path: &Path) -> io::Result<fs::File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_file(text: &str, path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    let mut file = tempfile::Builder::new().permissions(readable()).tempfile_in(dir_of(path))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Returns the permissions of a new file, before the umask applies.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}
