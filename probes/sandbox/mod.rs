//! What isolates a probe: a process of its own, a deadline, capped output, a private directory,
//! names that nobody else uses, and the removal of everything that carries those names.

mod cleaner;
mod command;
mod command_error;
pub(crate) mod completed;
mod ending_signals;
mod household;
mod isolation;
mod private_dir;
mod process_end;
mod process_tree;
mod residue;
pub(crate) mod run_id;
mod run_lock;
mod runner;
mod running;
mod schedule;
mod secrecy;
mod settings;
mod shared_output;
mod standard_streams;
mod stream;
mod tmux_server;
mod unit_file;
pub(crate) mod unit_removal;
pub(crate) mod worker;
mod worker_process;

pub use command::Command;
pub use command_error::CommandError;
pub use completed::Completed;
pub use ending_signals::Interrupted;
pub use household::Household;
pub use isolation::Sandbox;
pub use process_end::ProcessEnd;
pub use residue::sweep;
pub use run_id::RunId;
pub use run_lock::{RunLock, Waiting};
pub use runner::{Event, Timed, run};
pub use running::Running;
pub use secrecy::keep_memory_private;
pub use settings::{Manager, Settings};
pub use shared_output::SharedOutput;
pub use standard_streams::stdout_was_closed;
pub use tmux_server::TmuxServer;
pub use unit_file::UnitFile;
