//! What a probe gets (a directory, unique unit names, unit files, a private tmux server) and returns (a
//! measurement).

mod fact;
mod measurement;
mod private_tmux_server;
mod probe_context;
pub(crate) mod run_dir;
mod run_id;
mod setting_files;
mod settings;
pub(crate) mod unit_file;
mod user_tmux_servers;

pub use fact::{Fact, FactDecl, FactValues, YesNo};
pub(crate) use measurement::{BENT_SCOPES, BENT_SERVICES};
pub use measurement::{Evidence, Measurement, NotMeasured, Outcome};
pub use private_tmux_server::PrivateTmuxServer;
pub(crate) use probe_context::unreachable_manager;
pub use probe_context::{ProbeContext, UnitCleanup};
pub use run_id::RunId;
#[cfg(any(test, feature = "fuzz-invariants"))]
pub(crate) use run_id::inode_in;
pub use settings::Settings;
pub use unit_file::UnitFile;
pub use user_tmux_servers::{user_tmux_servers, user_tmux_servers_in};
