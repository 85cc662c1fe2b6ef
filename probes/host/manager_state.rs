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
            Ok(run) if run.success() && is_version(&run.text()) => {
                ManagerState::Answers { version: run.text() }
            }
            Ok(run) if run.success() => ManagerState::Silent {
                reason: "systemctl succeeded and did not tell the manager's version".into(),
            },
            Ok(run) => ManagerState::Silent {
                reason: run
                    .errors()
                    .lines()
                    .next()
                    .map_or_else(|| format!("systemctl: {}", run.ending()), str::to_owned),
            },
            Err(error) => ManagerState::Silent { reason: error.to_string() },
        }
    }
}

/// Whether this may be a version: `257.13-1~deb13u1`.
fn is_version(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_told_from_garbage() {
        for version in ["247.3-7+deb11u7", "262", "257.13-1~deb13u1", "258~rc1"] {
            assert!(is_version(version), "{version}");
        }
        for garbage in ["", "xxx", "257 garbage", "2\u{1b}[0m"] {
            assert!(!is_version(garbage), "{garbage:?}");
        }
    }
}
