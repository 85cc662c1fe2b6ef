use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::command::Command;
use super::private_dir::make_dir_in;
use super::run_id::RunId;
use super::settings::{Manager, Settings};
use crate::host::{GitDir, ManagerState};
use crate::measurement::Unable;

/// The surroundings of one probe: what it may use, and what bounds it.
pub struct Sandbox<'a> {
    /// What the operator asked to have examined.
    pub settings: &'a Settings,
    /// What the manager answered before the probes began.
    pub manager: &'a ManagerState,
    pub(super) run: &'a RunId,
    pub(super) probe: &'a str,
    pub(super) dir: &'a Path,
    pub(super) deadline: Instant,
    pub(super) units: Cell<Units>,
}

/// The units of a probe that ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Units {
    /// No name for one was asked for.
    None,
    /// They have ended, and the doctor removes what is left of all of a run's at once.
    Ended,
    /// Some run until they are stopped: the worker does that.
    RunOn,
}

impl Sandbox<'_> {
    /// An empty directory of the probe's own, mode 0700, removed after it.
    pub fn dir(&self) -> &Path {
        self.dir
    }

    /// An empty directory of the probe's own on the file system of the work tree that is examined:
    /// in its git directory, or else in the directory itself. `None` if no work tree was named.
    /// It is removed like [`Self::dir`], and has mode 0700 too.
    ///
    /// # Errors
    /// When it cannot be made there.
    pub fn dir_at_repo(&self) -> Result<Option<PathBuf>, Unable> {
        let Some(repo) = &self.settings.repo else { return Ok(None) };
        let place = GitDir::find(repo).map_or_else(|| repo.clone(), |git| git.common);
        make_dir_in(&place, self.run, self.probe).map(Some)
    }

    /// When the probe is killed.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// A command that ends by the probe's deadline.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        Command::new(program, self.deadline)
    }

    /// `systemd-run` for the manager that is examined.
    pub fn systemd_run(&self) -> Command {
        self.command("systemd-run").arg(self.settings.manager.option())
    }

    /// `systemctl` for the manager that is examined.
    pub fn systemctl(&self) -> Command {
        self.command("systemctl").arg(self.settings.manager.option())
    }

    /// The name of a unit that nobody else uses, such as `…_spaces.service`. It is stopped and
    /// forgotten at the end of the run, whatever became of it.
    pub fn unit_name(&self, label: &str, suffix: &str) -> String {
        self.expect(Units::Ended);
        format!("{}{label}.{suffix}", self.unit_prefix())
    }

    /// Remembers that there may be such units.
    pub(super) fn expect(&self, units: Units) {
        self.units.set(self.units.get().max(units));
    }

    /// How the names of the probe's units begin.
    pub(super) fn unit_prefix(&self) -> String {
        format!("{}_{}_", self.run, self.probe.replace('-', "_"))
    }

    /// The slice that was asked for, or else one that all probes of the run share.
    pub fn slice(&self) -> OsString {
        match &self.settings.slice {
            Some(slice) => slice.clone(),
            None => {
                self.expect(Units::Ended);
                format!("{}_own.slice", self.run).into()
            }
        }
    }

    /// `--slice=NAME` as one word, so that no name can become an option.
    pub fn slice_option(&self) -> OsString {
        let mut option = OsString::from("--slice=");
        option.push(self.slice());
        option
    }

    /// Ends the probe as skipped unless the manager that is examined answers.
    ///
    /// # Errors
    /// When it does not; the text says why.
    pub fn require_manager(&self) -> Result<(), Unable> {
        match self.manager {
            ManagerState::Answers { .. } => Ok(()),
            ManagerState::Silent { reason } => Err(Unable::Skipped(format!(
                "the {} manager does not answer: {reason}",
                self.settings.manager.name()
            ))),
        }
    }

    /// Whether the user's own manager is examined.
    pub fn is_user(&self) -> bool {
        self.settings.manager == Manager::User
    }
}
