//! One file a subcommand.

pub mod check;
pub mod explain;
pub mod list;
mod live_line;
mod measured;
mod output;
