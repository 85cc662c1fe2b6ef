use std::io;
use std::time::Duration;

use super::captured_pipe::OUTPUT_LIMIT;

/// Why a command gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// PATH has no such program.
    #[error("{program} is not in PATH")]
    NotFound { program: String },
    /// The program exists, and the kernel refused to run it.
    #[error("{program} could not be started: {source}")]
    Start { program: String, source: io::Error },
    /// The command was still running at its deadline, and was killed.
    #[error("`{command}` was still running after {:.1} s and was killed", after.as_secs_f64())]
    Deadline { command: String, after: Duration },
    /// The command wrote more than 16 MiB to one stream, and was killed.
    #[error("`{command}` wrote more than {} MiB and was killed", OUTPUT_LIMIT >> 20)]
    OutputLimit { command: String },
    /// The output of the command could not be read.
    #[error("the output of `{command}` could not be read: {source}")]
    Output { command: String, source: io::Error },
}
