//! Child processes: a command with a deadline, its output, its exit. This layer knows nothing of probes.

mod captured_pipe;
mod child;
mod child_setup;
mod command;
mod command_error;
mod deadline;
mod output;
mod pidfd;
mod poll;
pub(crate) mod process_tree;
mod shared_pipe;
pub(crate) mod spawn_lock;

pub use child::Child;
pub(crate) use child_setup::{changes_words, name_limit};
pub use child_setup::{close_inherited_on_exec, set_up_environment};
pub use command::Command;
pub use command_error::CommandError;
pub(crate) use deadline::{poll_timeout, time_left};
#[cfg(any(test, feature = "fuzz-invariants"))]
pub(crate) use output::EVIDENCE_LIMIT;
pub use output::Output;
pub(crate) use output::truncate;
pub use pidfd::PidFd;
pub use poll::wait_readable;
pub use shared_pipe::SharedPipe;
