use crate::exec::CommandError;

/// Why a service of the host gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// This host does not have the service; the text names it.
    #[error("{0}")]
    Missing(String),
    /// The service did not answer before the deadline.
    #[error("it does not answer")]
    Timeout,
    /// The service refused, or its answer could not be parsed; the text quotes it.
    #[error("{0}")]
    Unreachable(String),
    /// The command that queries the service could not be run.
    #[error(transparent)]
    Failed(CommandError),
}

impl From<CommandError> for QueryError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Deadline { .. } => Self::Timeout,
            error => Self::Failed(error),
        }
    }
}
