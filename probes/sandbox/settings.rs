use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::host::Manager;

/// What to examine, and within which limits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The manager that launches agents.
    pub manager: Manager,
    /// The slice for agents as the caller named it; never empty.
    pub slice: Option<OsString>,
    /// How many agents are launched at once; at least 1.
    pub agents: u32,
    /// The absolute path of the work tree that agents share.
    pub repo: Option<PathBuf>,
    /// The lock files that agents share, as absolute paths.
    pub locks: Vec<PathBuf>,
    /// When the run ends. What has not been measured by then is `unmeasured`, and clean-up may take
    /// [`CLEANUP_GRACE`](crate::runner::CLEANUP_GRACE) longer.
    pub deadline: Instant,
    /// The time limit of one probe.
    pub timeout: Duration,
    /// How many probes run at the same time; at least 1.
    pub jobs: usize,
}
