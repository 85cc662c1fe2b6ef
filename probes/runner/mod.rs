//! Runs probes, each in its own process, and removes everything that they created.

pub mod cleanup;
mod confined_needs;
mod dumpable;
mod event_loop;
mod health_check;
mod need;
mod need_monitor;
mod no_measurement;
mod probe;
mod probe_queue;
mod run;
mod run_error;
mod run_lock;
mod schedule;
mod signals;
mod stdio;
mod subreaper;
pub(crate) mod worker;
mod worker_handle;

pub use dumpable::disable_core_dumps;
pub use need::{Blocker, Need};
pub use probe::{Measure, Probe};
pub use run::{CLEANUP_GRACE, ProbeResult, Progress, run};
pub use run_error::RunError;
pub use run_lock::{LockEvent, RunLock};
pub use schedule::Schedule;
pub use signals::TerminationSignals;
pub use stdio::stdout_was_closed;
pub use subreaper::Subreaper;
