//! One file a subcommand.

mod check;
mod completions;
pub(crate) mod diff;
mod dispatch;
mod explain;
mod gate;
mod list;
mod live_line;
mod man;
mod matrix;
mod measured;
mod output;
mod plan;
mod record;
mod telling;

pub use dispatch::run;
