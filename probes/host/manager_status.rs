use std::time::{Duration, Instant};

use super::{Manager, UnitProperties};
use crate::exec::{Child, Command, CommandError, Output};

/// How long the manager may take to answer the first query. A healthy one takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// How long it may take to answer the second one, which follows if there was no answer.
const SECOND_TIMEOUT: Duration = Duration::from_millis(1500);

/// The number of loaded names from which on a manager needs up to seconds for each new unit: it then reads the whole
/// directory of launched units again.
const MANY_NAMES: u64 = 5000;

/// Whether a systemd manager answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManagerStatus {
    /// It answers. `version` is the running manager's. After an upgrade without `daemon-reexec` it is
    /// older than the installed programs. `names` is how many names of units it has loaded.
    Running { version: String, names: u64 },
    /// It does not answer: it refused, or `timed_out` twice.
    Unreachable { reason: String, timed_out: bool },
}

/// A query to the manager whose answer has not been read.
pub struct PendingStatus {
    manager: Manager,
    deadline: Instant,
    child: Result<Child, CommandError>,
}

impl ManagerStatus {
    /// Asks the manager for its version. Does not wait for the answer.
    pub fn query(manager: Manager, deadline: Instant) -> PendingStatus {
        PendingStatus { manager, deadline, child: start(manager, deadline, ANSWER_TIMEOUT) }
    }

    /// Reports whether the manager has so many units that it answers slowly.
    pub fn is_large(&self) -> bool {
        matches!(self, Self::Running { names, .. } if *names > MANY_NAMES)
    }

    fn from_answer(answer: Result<Output, CommandError>) -> Self {
        let (reason, timed_out) = match answer {
            Ok(run) if run.success() => {
                let answer = UnitProperties::parse(&run.stdout_text()).pop().unwrap_or_default();
                let version = answer.get("Version").to_owned();
                if is_version(&version) {
                    let names = answer.get("NNames").parse().unwrap_or_default();
                    return Self::Running { version, names };
                }
                ("systemctl succeeded without printing the manager's version".into(), false)
            }
            Ok(run) => {
                let message = run.stderr_text().lines().next().map(str::to_owned);
                let exit = || format!("systemctl: {}", run.exit_description());
                (message.unwrap_or_else(exit), false)
            }
            Err(error) => (error.to_string(), matches!(error, CommandError::Deadline { .. })),
        };
        Self::Unreachable { reason, timed_out }
    }
}

impl PendingStatus {
    /// Waits for the answer, and asks once more if there is none: up to 3.5 seconds after the query.
    pub fn wait(self) -> ManagerStatus {
        match ManagerStatus::from_answer(self.child.and_then(Child::wait)) {
            ManagerStatus::Unreachable { timed_out: true, .. } => {
                let second = start(self.manager, self.deadline, SECOND_TIMEOUT);
                ManagerStatus::from_answer(second.and_then(Child::wait))
            }
            status => status,
        }
    }
}

fn start(manager: Manager, deadline: Instant, timeout: Duration) -> Result<Child, CommandError> {
    Command::new("systemctl", deadline)
        .timeout(timeout)
        .arg(manager.option())
        .args(["show", "--property=Version,NNames"])
        .start()
}

/// Reports whether a text can be a version, such as `257.13-1~deb13u1`.
fn is_version(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_not_a_version() {
        for version in ["247.3-7+deb11u7", "262", "257.13-1~deb13u1", "258~rc1"] {
            assert!(is_version(version), "{version}");
        }
        for garbage in ["", "xxx", "257 garbage", "2\u{1b}[0m"] {
            assert!(!is_version(garbage), "{garbage:?}");
        }
    }
}
