use std::io;

use nix::errno::Errno;
use nix::sys::signal::Signal;

/// Why a run gave no results.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A signal ended the run. Everything that it had started was stopped and removed.
    #[error("interrupted by {0}")]
    Interrupted(Signal),
    /// The kernel refused /proc, a pipe or a process.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl From<Errno> for RunError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}
