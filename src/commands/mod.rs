//! One file a subcommand.

mod check;
mod completions;
mod confirm;
mod diagnose;
mod diff;
mod dispatch;
mod explain;
mod fanout;
mod gate;
mod host;
mod list;
mod live;
mod locks;
mod log_source;
mod man;
mod matrix;
mod measured;
mod preview;
mod progress;
mod record;
mod recorded_run;
mod run;
mod scopes;
mod slice_unit;

pub use dispatch::run;
