use std::fs;
use std::os::unix::fs::MetadataExt;

use serde::Serialize;

use super::{TmuxPane, User};

/// The agent to which a process or a unit belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[derive(Serialize)]
pub struct Owner {
    pub kind: OwnerKind,
    /// The tmux session.
    pub session: Option<String>,
    /// The index of the window.
    pub window: Option<u32>,
    /// The index of the pane in the window.
    pub pane: Option<u32>,
    /// The id of the pane, such as `%3`.
    pub pane_id: Option<String>,
    /// The pane's terminal.
    pub tty: Option<String>,
    /// What shows that it is the owner.
    pub by: OwnerEvidence,
    /// The unit of the launcher, or of the server or service that a process is in.
    pub unit: Option<String>,
    /// The socket of the tmux server.
    pub server: Option<String>,
}

/// What an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// A pane of a tmux server.
    Pane,
    /// A session of a tmux server; which of its panes is not known.
    Session,
    /// A tmux server, which runs in the unit itself.
    TmuxServer,
    /// A process in another unit, which launched it and still runs.
    Launcher,
    /// systemd itself, which starts services and supervises them.
    Manager,
}

/// What shows who the owner is, from the strongest evidence to the weakest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OwnerEvidence {
    /// The tmux server is in the unit.
    ServerPid,
    /// The pane's process is in the unit, or started a process that is.
    PanePid,
    /// A process has the pane's terminal.
    Tty,
    /// A process inherited the pane's `TMUX_PANE`.
    #[serde(rename = "TMUX_PANE")]
    TmuxPane,
    /// The unit is named after the session.
    UnitName,
    /// The unit's description names the session or the pane's process.
    Description,
    /// The process that launched the unit is in another one, or systemd did, which launches services.
    LauncherUnit,
}

/// Returns whether a unit of this name and owner is an orphan: a scope without one. A service is launched by its manager,
/// which supervises it.
pub fn is_orphan(unit: &str, owner: Option<&Owner>) -> bool {
    owner.is_none() && unit.ends_with(".scope")
}

/// Returns whether one of these processes is another user's, whose tmux servers are not asked.
pub fn has_foreign_process(pids: &[u32]) -> bool {
    let own = User::current().uid;
    let owner = |pid: &u32| fs::metadata(format!("/proc/{pid}")).map(|process| process.uid());
    pids.iter().any(|pid| owner(pid).is_ok_and(|uid| uid != own))
}

impl Owner {
    /// Creates the owner that is a pane.
    pub fn of_pane(pane: &TmuxPane, by: OwnerEvidence) -> Self {
        Self {
            session: Some(pane.session.clone()),
            window: Some(pane.window),
            pane: Some(pane.index),
            pane_id: Some(pane.id.clone()),
            tty: Some(pane.tty.display().to_string()),
            server: Some(pane.socket.display().to_string()),
            ..Self::without_pane(OwnerKind::Pane, by)
        }
    }

    /// Creates an owner that is no pane.
    pub fn without_pane(kind: OwnerKind, by: OwnerEvidence) -> Self {
        let none = None;
        Self {
            kind,
            by,
            session: None,
            window: none,
            pane: none,
            pane_id: None,
            tty: None,
            unit: None,
            server: None,
        }
    }

    /// Returns the target by which tmux finds the pane or the session; `None` if it is neither.
    pub fn target(&self) -> Option<String> {
        let session = self.session.as_deref()?;
        Some(match (self.window, self.pane) {
            (Some(window), Some(pane)) => format!("{session}:{window}.{pane}"),
            _ => session.to_owned(),
        })
    }
}
