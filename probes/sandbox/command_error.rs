use std::io;
use std::time::Duration;

use super::stream::FLOOD;

/// Why a command gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such program in PATH.
    #[error("{program} is not in PATH")]
    NotFound { program: String },
    /// The program is there and may not be started.
    #[error("{program} could not be started: {source}")]
    Start { program: String, source: io::Error },
    /// It had not ended when its time was up, and was killed.
    #[error("`{command}` had not ended after {:.1} s and was killed", after.as_secs_f64())]
    Deadline { command: String, after: Duration },
    /// It wrote without an end, and was killed.
    #[error("`{command}` wrote more than {} MiB and was killed", FLOOD >> 20)]
    Flood { command: String },
    /// Its output could not be read.
    #[error("the output of `{command}` could not be read: {source}")]
    Output { command: String, source: io::Error },
}
