use std::iter::successors;

use crate::exec::CommandError;
use crate::host::Manager;

/// A service or program that probes depend on. The set is closed, and ordered from causes to what they
/// break: systemd-run hangs with its manager, and not the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// That doctor is not confined so that it cannot reach the user's manager, or mistakes it. Every probe of a manager
    /// has this need.
    Caller,
    /// The system's message bus. A user manager asks PID 1 over it to move a process into a scope, and
    /// answers no other request meanwhile.
    SystemBus,
    /// The manager that is examined.
    Manager,
    /// The user's message bus: `systemd-run --wait` and `--pipe` follow a unit over it. With the system
    /// manager this is [`Self::SystemBus`].
    UserBus,
    /// systemd-logind.
    Logind,
    /// The program `systemd-run`.
    SystemdRun,
    /// The program `tmux`.
    Tmux,
    /// Services that no drop-in for all units changes.
    PlainServices,
    /// Scopes that no drop-in for all units changes.
    PlainScopes,
}

impl Need {
    /// Returns the id of the need in machine-readable reports.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Caller => "caller-sandbox",
            Self::Manager => "manager",
            Self::UserBus => "user-bus",
            Self::SystemBus => "system-bus",
            Self::Logind => "logind",
            Self::SystemdRun => "systemd-run",
            Self::Tmux => "tmux",
            Self::PlainServices | Self::PlainScopes => "launch-surroundings",
        }
    }

    /// Returns the name of the need in a sentence, such as `the user manager`.
    #[must_use]
    pub fn label(self, manager: Manager) -> String {
        match self {
            Self::Caller => "a launcher outside of a sandbox".into(),
            Self::Manager => format!("the {} manager", manager.name()),
            Self::UserBus => "the user bus".into(),
            Self::SystemBus => "the system bus".into(),
            Self::Logind | Self::SystemdRun | Self::Tmux => self.id().into(),
            Self::PlainServices => "a service that no drop-in changes".into(),
            Self::PlainScopes => "a scope that no drop-in changes".into(),
        }
    }

    /// Returns the need that applies if `manager` is examined.
    pub(crate) fn for_manager(self, manager: Manager) -> Self {
        match (self, manager) {
            (Self::UserBus, Manager::System) => Self::SystemBus,
            (need, _) => need,
        }
    }

    /// Returns the need that can make this one hang.
    pub(crate) fn dependency(self) -> Option<Self> {
        match self {
            Self::Manager | Self::Logind => Some(Self::SystemBus),
            Self::SystemdRun => Some(Self::Manager),
            Self::Caller
            | Self::UserBus
            | Self::SystemBus
            | Self::Tmux
            | Self::PlainServices
            | Self::PlainScopes => None,
        }
    }

    /// Returns the need, then what can make it hang, what can make that hang, and so on.
    pub(crate) fn with_dependencies(self) -> impl Iterator<Item = Self> {
        successors(Some(self), |need| need.dependency())
    }

    /// Reports whether the check `launch-surroundings` shows that the need is met.
    pub(crate) fn is_plain_launch(self) -> bool {
        matches!(self, Self::PlainServices | Self::PlainScopes)
    }

    /// Returns the program, if the need is one.
    pub(crate) fn program(self) -> Option<&'static str> {
        match self {
            Self::SystemdRun => Some("systemd-run"),
            Self::Tmux => Some("tmux"),
            _ => None,
        }
    }

    /// Reports whether `reason` is what a probe says when the need's program is missing.
    pub(crate) fn is_missing_by(self, reason: &str) -> bool {
        self.program().is_some_and(|program| {
            CommandError::NotFound { program: program.into() }.to_string() == reason
        })
    }
}

/// The broken need that kept a probe from measuring. Probes with the same need have the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// What the probe needs.
    pub need: Need,
    /// Why it is broken: `the user bus does not answer: …`.
    pub reason: String,
}
