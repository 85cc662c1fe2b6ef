//! Removes what a run has created: units, unit files and directories.

mod stale_runs;
pub(crate) mod unit_cleanup;

pub use stale_runs::clean_stale_runs;
pub(crate) use stale_runs::{UNREACHABLE_TIMEOUT, manager_timeout};
pub(crate) use unit_cleanup::{MANAGER_TIMEOUT, remove_pending_units, remove_units};
