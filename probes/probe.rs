use crate::measurement::{Measurement, Unable};
use crate::sandbox::Sandbox;

/// A live, isolated measurement of one failure mode.
#[derive(Debug)]
pub struct Probe {
    /// The subject it belongs to, which is also its folder: `launcher`, `scope`, …
    pub group: &'static str,
    /// The stem of its two files: `env_block_spaces`.
    pub name: &'static str,
    /// The text of its card, in TOML.
    pub card: &'static str,
    /// When it starts.
    pub turn: Turn,
    /// Takes the measurement. It runs in a process of its own (see [`crate::sandbox::run`]).
    pub measure: fn(&Sandbox) -> Result<Measurement, Unable>,
}

/// When a probe starts, in the order of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// Before all others, with nothing beside it: it disturbs them, or they it.
    Alone,
    /// Early, and never beside [`Self::Panes`]: it makes unit files. One that comes or goes while
    /// systemd 262 makes the scope of a pane whose tmux runs in a login session may have the user's
    /// manager load the unit of that session, which it does not have, over and over: nobody else
    /// gets an answer until the pane ends (measured: one run in forty).
    UnitFiles,
    /// After those, and early: it opens tmux panes.
    Panes,
    /// Early: it takes longest, and the run would wait for it at the end.
    Early,
    /// In the order of the registry.
    AnyTime,
}

impl Probe {
    /// The probe's id as people write it: `env-block-spaces`.
    pub fn id(&self) -> String {
        self.name.replace('_', "-")
    }
}
