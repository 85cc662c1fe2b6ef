use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Which systemd manager launches: the user's own, or the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// `user@UID.service`, reached with `--user`.
    User,
    /// PID 1, reached with `--system`.
    System,
}

impl Manager {
    /// The option by which systemd's tools choose this manager.
    pub fn option(self) -> &'static str {
        match self {
            Self::User => "--user",
            Self::System => "--system",
        }
    }

    /// The word for it in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
        }
    }
}

/// What the operator asked to have examined.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The manager that launches.
    pub manager: Manager,
    /// The slice that agents are to run in, as given; never empty.
    pub slice: Option<OsString>,
    /// How many agents are launched at once; at least one.
    pub fleet: u32,
    /// The work tree that agents share; absolute.
    pub repo: Option<PathBuf>,
    /// Whether a probe may disturb the manager.
    pub deep: bool,
    /// How long one probe may take.
    pub timeout: Duration,
    /// How many probes run at the same time; at least one.
    pub jobs: usize,
}
