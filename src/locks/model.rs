use jiff::Timestamp;
use launch_probes::host::{LockKind, LockMode, Owner};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::LockProblem;
use crate::exit::Exit;

/// Everything that `doctor locks` says. Keys are only ever added.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LocksReport {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// The version of doctor.
    pub doctor: &'static str,
    pub host: LocksHost,
    /// When the locks were read.
    pub at: Timestamp,
    pub locks: Vec<LockRow>,
    /// What could not be seen; `None` if nothing could hide a holder.
    pub unreadable: Option<Unreadable>,
    /// The exit status that follows.
    pub exit: Exit,
}

/// The host, and who looked.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct LocksHost {
    pub name: Option<String>,
    /// The machine ID, hashed.
    pub machine: Option<String>,
    pub boot: Option<String>,
    pub kernel: Option<String>,
    pub user: String,
}

/// Processes of other users that were not examined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Unreadable {
    /// How many there are; `None` if /proc hides even that.
    pub processes: Option<usize>,
}

/// A file that is locked or can be, or one of git's own lock files.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LockRow {
    pub path: String,
    pub dev: u64,
    pub ino: u64,
    /// How it is locked; `None` if it is not.
    #[serde(serialize_with = "kind_name")]
    #[schemars(with = "Option<String>", extend("enum" = [null, "flock", "posix", "ofd", "git"]))]
    pub kind: Option<RowKind>,
    /// `None` if it is not locked.
    #[serde(serialize_with = "mode_name")]
    #[schemars(with = "Option<String>", extend("enum" = [null, "shared", "exclusive"]))]
    pub mode: Option<LockMode>,
    /// Whether the file was deleted or replaced while it was held.
    pub deleted: bool,
    /// Whether it is one of git's lock files, and every git that can have created it has exited.
    pub stale: bool,
    pub holders: Vec<LockHolderRow>,
    pub waiters: Vec<LockWaiterRow>,
    /// When one of git's lock files was written.
    pub written: Option<Timestamp>,
    /// Why it is not known whether one of git's lock files is stale.
    pub undecided: Option<&'static str>,
    /// Whether the owner of one of git's lock files would not be visible.
    #[serde(skip)]
    #[schemars(skip)]
    pub is_owner_hidden: bool,
    pub problems: Vec<LockProblem>,
    /// Commands that fix it, each as a line for a shell.
    pub fix: Vec<String>,
}

#[cfg(test)]
impl LockRow {
    /// Returns a file that is not locked.
    pub(crate) fn unlocked(path: &str) -> Self {
        Self {
            path: path.into(),
            dev: 1,
            ino: 2,
            kind: None,
            mode: None,
            deleted: false,
            stale: false,
            holders: Vec::new(),
            waiters: Vec::new(),
            written: None,
            undecided: None,
            is_owner_hidden: false,
            problems: Vec::new(),
            fix: Vec::new(),
        }
    }
}

/// How a file is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    Kernel(LockKind),
    /// By its existence, as git does.
    Git,
}

/// A process that holds a lock.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LockHolderRow {
    pub pid: u32,
    /// The descriptor by which it holds the lock; `None` for a git that has created the file and closed it.
    pub fd: Option<u32>,
    pub comm: String,
    /// The process that took the lock, which may have exited; `None` if the kernel does not know it any more.
    pub taker: Option<u32>,
    /// Whether it inherited the lock.
    pub inherited: bool,
    /// When the process started: it has held the lock since then at the longest.
    pub since: Timestamp,
    /// The unit in whose cgroup it is.
    pub unit: Option<String>,
    /// The agent that it belongs to.
    pub owner: Option<Owner>,
}

/// A process that waits for a lock.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LockWaiterRow {
    pub pid: u32,
    pub comm: String,
    /// `None` where it is in the memory of the process, as with fcntl(2).
    #[serde(serialize_with = "mode_name")]
    #[schemars(with = "Option<String>", extend("enum" = [null, "shared", "exclusive"]))]
    pub mode: Option<LockMode>,
    /// Since when; known of flock(1) alone, which does nothing else.
    pub since: Option<Timestamp>,
    /// The unit in whose cgroup it is.
    pub unit: Option<String>,
    /// The agent that it belongs to.
    pub owner: Option<Owner>,
}

impl LockRow {
    /// Adds to each process the agent and the unit that it belongs to.
    pub fn set_owners(&mut self, find: impl Fn(u32) -> (Option<Owner>, Option<String>)) {
        for holder in &mut self.holders {
            (holder.owner, holder.unit) = find(holder.pid);
        }
        for waiter in &mut self.waiters {
            (waiter.owner, waiter.unit) = find(waiter.pid);
        }
    }

    /// Whether a process that the caller may not examine can hold it: nothing that is visible does.
    pub fn may_be_held_unseen(&self) -> bool {
        self.holders.is_empty() && self.written.is_none()
    }
}

impl RowKind {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel(LockKind::Flock) => "flock",
            Self::Kernel(LockKind::Posix) => "posix",
            Self::Kernel(LockKind::Ofd) => "ofd",
            Self::Git => "git",
        }
    }
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn kind_name<S: Serializer>(kind: &Option<RowKind>, serializer: S) -> Result<S::Ok, S::Error> {
    kind.map(RowKind::name).serialize(serializer)
}

#[expect(
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn mode_name<S: Serializer>(mode: &Option<LockMode>, serializer: S) -> Result<S::Ok, S::Error> {
    let name = mode.map(|mode| match mode {
        LockMode::Shared => "shared",
        LockMode::Exclusive => "exclusive",
    });
    name.serialize(serializer)
}
