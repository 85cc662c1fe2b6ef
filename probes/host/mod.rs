//! Readers of the live host. They read, and change nothing.

mod account_name;
mod cgroup;
mod file_system;
pub(crate) mod flock;
pub(crate) mod git_dir;
pub mod journal;
pub mod logind;
mod logout_policy;
mod manager_state;
pub(crate) mod process_start;
pub(crate) mod processes;
pub(crate) mod runtime_dir;
pub(crate) mod system;
pub(crate) mod tmux_environment;
pub(crate) mod tmux_servers;
mod unit_properties;
mod user;
pub(crate) mod versions;

pub use account_name::account_name;
pub use cgroup::Cgroup;
pub use file_system::file_system;
pub use flock::waits_for_flock;
pub use git_dir::GitDir;
pub use logout_policy::{Listing, LogoutPolicy};
pub use manager_state::ManagerState;
pub use process_start::start_time;
pub use processes::{command_line, descends_from, open_files, processes};
pub use runtime_dir::{BusAddress, RuntimeDir, SocketState};
pub use system::{is_booted_with_systemd, kernel, operating_system};
pub use tmux_environment::{AskedVariables, Untold, Variable};
pub use tmux_servers::{TmuxSocket, tmux_sockets};
pub use unit_properties::UnitProperties;
pub use user::User;
pub use versions::{Component, Versions};
