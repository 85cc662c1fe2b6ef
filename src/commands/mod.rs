//! One file a subcommand.

pub mod check;
pub mod completions;
pub mod diff;
pub mod explain;
pub mod gate;
pub mod list;
mod live_line;
pub mod man;
pub mod matrix;
mod measured;
mod output;
mod plan;
pub mod record;
mod telling;
