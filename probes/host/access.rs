use std::ffi::OsStr;
use std::time::Instant;

use super::Manager;
use crate::exec::Command;

/// How a reader reaches the host's services: which manager it asks, and until when it waits.
#[derive(Debug, Clone, Copy)]
pub struct Access {
    /// The manager that is examined.
    pub manager: Manager,
    /// When the reader's commands are killed.
    pub deadline: Instant,
}

impl Access {
    /// Returns a command that is killed at the deadline.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program, self.deadline)
    }

    /// Returns `systemctl` for the manager that is examined.
    pub fn systemctl(&self) -> Command {
        self.command("systemctl").arg(self.manager.option())
    }
}
