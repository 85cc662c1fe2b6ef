use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::run_dir::make_dir_in;
use super::{NotMeasured, RunId, Settings};
use crate::exec::Command;
use crate::host::{Access, GitDir, Manager, ManagerStatus};

/// What one probe may use, and its limits.
pub struct ProbeContext<'a> {
    /// What to examine.
    pub settings: &'a Settings,
    /// The manager's status before the first probe started.
    pub manager: &'a ManagerStatus,
    pub(crate) run: &'a RunId,
    pub(crate) probe: &'a str,
    pub(crate) dir: &'a Path,
    pub(crate) deadline: Instant,
    pub(crate) units: Cell<UnitCleanup>,
}

/// How the units of a probe that ended normally are removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnitCleanup {
    /// The probe asked for no unit name.
    None,
    /// They have ended. One request at the end of the run removes those of all probes.
    AtRunEnd,
    /// Some keep running until the probe's worker stops them.
    ByWorker,
}

impl ProbeContext<'_> {
    /// Returns the probe's directory: empty at first, mode 0700, removed after the probe.
    pub fn dir(&self) -> &Path {
        self.dir
    }

    /// Creates a directory like [`Self::dir`] on the file system of the work tree that is examined: in
    /// its git directory, or in the work tree if it has none. `None` if no work tree was named.
    ///
    /// # Errors
    /// If the directory cannot be created there.
    pub fn dir_at_repo(&self) -> Result<Option<PathBuf>, NotMeasured> {
        let Some(repo) = &self.settings.repo else { return Ok(None) };
        let place = GitDir::find(repo).map_or_else(|| repo.clone(), |git| git.common_dir);
        make_dir_in(&place, self.run, self.probe).map(Some)
    }

    /// Returns when the probe is killed.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns a command that is killed at the probe's deadline.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program, self.deadline)
    }

    /// Returns the access to the host's services until the probe's deadline.
    pub fn access(&self) -> Access {
        Access { manager: self.settings.manager, deadline: self.deadline }
    }

    /// Returns `systemd-run` for the manager that is examined.
    pub fn systemd_run(&self) -> Command {
        self.command("systemd-run").arg(self.settings.manager.option())
    }

    /// Returns `systemctl` for the manager that is examined.
    pub fn systemctl(&self) -> Command {
        self.command("systemctl").arg(self.settings.manager.option())
    }

    /// Returns a unique unit name, such as `…_spaces.service`. At the end of the run the unit is stopped
    /// and its failed state is reset.
    pub fn unit_name(&self, label: &str, suffix: &str) -> String {
        self.note_units(UnitCleanup::AtRunEnd);
        format!("{}{label}.{suffix}", self.unit_prefix())
    }

    /// Notes that there may be units to remove.
    pub(crate) fn note_units(&self, units: UnitCleanup) {
        self.units.set(self.units.get().max(units));
    }

    /// Returns the prefix of the names of the probe's units.
    pub(crate) fn unit_prefix(&self) -> String {
        format!("{}_{}_", self.run, self.probe.replace('-', "_"))
    }

    /// Returns the slice for agents; if the caller named none, one that all probes of the run share.
    pub fn slice(&self) -> OsString {
        self.settings.slice.clone().unwrap_or_else(|| {
            self.note_units(UnitCleanup::AtRunEnd);
            format!("{}_own.slice", self.run).into()
        })
    }

    /// Returns `--slice=NAME` as one argument, so that no name can become an option.
    pub fn slice_option(&self) -> OsString {
        let mut option = OsString::from("--slice=");
        option.push(self.slice());
        option
    }

    /// Checks that the manager that is examined answers.
    ///
    /// # Errors
    /// `Skipped` if it refuses, `Unmeasured` if it does not answer in time; the text says why.
    pub fn require_manager(&self) -> Result<(), NotMeasured> {
        match self.manager {
            ManagerStatus::Running { .. } => Ok(()),
            ManagerStatus::Unreachable { reason, timed_out } => {
                let text = unreachable_manager(self.settings.manager, reason);
                Err(if *timed_out {
                    NotMeasured::Unmeasured(text)
                } else {
                    NotMeasured::Skipped(text)
                })
            }
        }
    }

    /// Reports whether a user manager is examined.
    pub fn is_user(&self) -> bool {
        self.settings.manager == Manager::User
    }
}

/// Returns the reason of a probe that is not measured because its manager does not answer.
pub(crate) fn unreachable_manager(manager: Manager, reason: &str) -> String {
    format!("the {} manager does not answer: {reason}", manager.name())
}
