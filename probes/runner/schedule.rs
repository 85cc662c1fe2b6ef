/// When a probe starts, and beside which others. The variants are in the order in which probes start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Schedule {
    /// Before all others, because they wait for what it measures.
    Control,
    /// First, with no other probe beside it: they would disturb each other.
    Exclusive,
    /// Early, and never beside [`Self::OpensPanes`], because it creates unit files. If a unit file appears
    /// or disappears while systemd 262 creates the scope of a pane whose tmux runs in a login session,
    /// the user manager may try again and again to load the unit of that session, which it does not
    /// have. It then answers no other request until the pane exits (measured: 1 run in 40).
    CreatesUnitFiles,
    /// After those, because it opens tmux panes.
    OpensPanes,
    /// Before the others of its group, because it takes longest, or does where something does not answer: the
    /// run would wait for it at the end.
    LongRunning,
    /// In the order of [`PROBES`](crate::PROBES), but one of each group in turn.
    Default,
}
