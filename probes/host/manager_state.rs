use std::time::{Duration, Instant};

use crate::sandbox::{Command, CommandError, Manager, Running};

/// How long the manager may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a systemd manager answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerState {
    /// It does. `version` is that of the running manager, which an upgrade without
    /// `daemon-reexec` leaves behind that of the installed programs.
    Answers { version: String },
    /// It does not.
    Silent { reason: String },
}

/// A question to the manager that is under way.
pub struct Asked(Result<Running, CommandError>);

impl ManagerState {
    /// Asks the manager for its version, without waiting for the answer.
    pub fn ask(manager: Manager) -> Asked {
        let command = Command::new("systemctl", Instant::now() + PATIENCE)
            .arg(manager.option())
            .args(["show", "--property=Version", "--value"]);
        Asked(command.start())
    }
}

impl Asked {
    /// Waits for the answer, five seconds at the most.
    pub fn answer(self) -> ManagerState {
        match self.0.and_then(Running::wait) {
            Ok(run) if run.success() => ManagerState::Answers { version: run.text() },
            Ok(run) => ManagerState::Silent {
                reason: run
                    .errors()
                    .lines()
                    .next()
                    .unwrap_or("systemctl gave no reason")
                    .to_owned(),
            },
            Err(error) => ManagerState::Silent { reason: error.to_string() },
        }
    }
}
