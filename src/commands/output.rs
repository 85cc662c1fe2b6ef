use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{self, Path, PathBuf};

use anyhow::{Context, bail};
use launch_probes::sandbox::stdout_was_closed;

/// Where a text goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, which appears whole or not at all. What is not a regular file, such as a pipe, is
    /// written to as it is.
    File(PathBuf),
    /// The end of a file that others write to as well.
    EndOf(PathBuf),
}

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
/// # Errors
/// When it could not be written to its end.
pub fn write(text: &str, file: Option<&Path>) -> anyhow::Result<()> {
    file.map_or(Destination::Stdout, Destination::named).write(text)
}

impl Destination {
    /// What a path on the command line stands for. `-` and /dev/stdout are standard output itself:
    /// opened by its name, a file behind it would be written from its start.
    pub fn named(path: &Path) -> Self {
        match path.to_str() {
            Some("-" | "/dev/stdout" | "/dev/fd/1" | "/proc/self/fd/1") => Self::Stdout,
            Some("/dev/stderr" | "/dev/fd/2" | "/proc/self/fd/2") => Self::Stderr,
            _ => Self::File(resolved(path)),
        }
    }

    /// Whether both are one place.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(a), Self::File(b)) => path::absolute(a).ok() == path::absolute(b).ok(),
            _ => self == other,
        }
    }

    /// Whether it is a terminal, where a person reads.
    pub fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
            Self::File(_) | Self::EndOf(_) => false,
        }
    }

    /// Whether a text could be written now, found out without writing one.
    ///
    /// # Errors
    /// When it could not.
    pub fn ensure_writable(&self) -> anyhow::Result<()> {
        match self {
            Self::Stdout if stdout_was_closed() => {
                bail!("cannot write the report to standard output: it is closed")
            }
            Self::Stdout | Self::Stderr => Ok(()),
            Self::File(path) => ensure_file(path).with_context(|| failure(path)),
            Self::EndOf(path) => open_end(path).map(drop).with_context(|| failure(path)),
        }
    }

    /// Writes a text.
    ///
    /// # Errors
    /// When it could not be written to its end.
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
            Self::File(path) => write_file(text, path).with_context(|| failure(path)),
            Self::EndOf(path) => open_end(path)
                .and_then(|mut file| file.write_all(text.as_bytes()))
                .with_context(|| failure(path)),
        }
    }
}

fn failure(path: &Path) -> String {
    format!("cannot write the report to {}", path.display())
}

/// The file itself, where the path is a symbolic link: the link stays.
fn resolved(path: &Path) -> PathBuf {
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

/// The permissions of a new file, before the process's umask takes from them.
fn readable() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o666)
}
