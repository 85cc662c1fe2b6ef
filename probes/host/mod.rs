//! Readers of the live host. They never change it.

mod access;
mod account;
mod cgroup;
pub(crate) mod cgroup_usage;
mod cgroup_watch;
mod confinement;
mod descriptor;
mod file_system;
pub(crate) mod flock;
mod free_space;
pub(crate) mod git_dir;
pub(crate) mod git_lock;
pub(crate) mod git_process;
mod hiding_mount;
mod inotify;
pub mod journal;
mod journal_files;
mod journal_query;
mod journald_config;
mod kernel_dir;
mod kernel_file;
mod kill_policy;
pub(crate) mod lock_holder;
pub(crate) mod lock_line;
mod lock_scan;
mod lock_watch;
pub mod logind;
mod manager;
mod manager_status;
mod manager_variables;
pub(crate) mod mount;
pub(crate) mod os;
mod owner_index;
pub(crate) mod password_prompt;
pub(crate) mod proc_locks;
mod proc_stat;
pub(crate) mod process;
mod process_owner;
mod process_table;
mod pty;
mod query_error;
pub(crate) mod runtime_dir;
mod scope_launcher;
mod socket_listener;
mod start_clock;
mod timers;
pub(crate) mod tmux_environment;
pub(crate) mod tmux_identity;
pub(crate) mod tmux_panes;
pub(crate) mod tmux_server;
pub(crate) mod transient_units;
mod unit_cgroups;
pub(crate) mod unit_name;
mod unit_properties;
mod user;
mod user_bus;
pub(crate) mod versions;

pub use access::Access;
pub use account::{expired_on, has_account};
pub use cgroup::Cgroup;
pub use cgroup_usage::{CgroupLimits, CgroupUsage};
pub use cgroup_watch::{CgroupChange, CgroupEvent, CgroupWatch, populated_units};
pub use confinement::{
    Confinement, RuntimeDirView, are_other_processes_hidden, has_no_new_privileges,
    is_proc_reduced, may_use_unix_sockets, mount_namespace, outer_uid, shares_mount_namespace,
    shares_pid_namespace,
};
pub use descriptor::Descriptor;
pub use file_system::file_system;
pub use flock::waits_for_flock;
pub use free_space::FreeSpace;
pub use git_dir::GitDir;
pub use git_lock::{GitLock, GitLockState, git_lock_states, git_locks, is_git_lock};
pub use git_process::{GitPlace, GitProcess, sees_foreign_processes};
pub use hiding_mount::hiding_mount;
pub use inotify::{are_inotify_instances_used_up, inotify_instance_limit};
pub use journal_files::{JournalFiles, JournalHeader};
pub use journal_query::{JournalQuery, PendingJournal};
pub use journald_config::JournaldConfig;
pub use kill_policy::{KillPolicy, UserListMatch};
pub use lock_holder::LockHolder;
#[cfg(test)]
pub(crate) use lock_holder::tests as tests_of_lock_holder;
pub use lock_line::{LockCall, LockKind, LockLine, LockMode};
pub use lock_scan::{LockFile, LockPathError, LockScan, LockWaiter};
pub use lock_watch::LockWatch;
pub use manager::Manager;
pub use manager_status::{ManagerStatus, PendingStatus};
pub use manager_variables::VariableOrigins;
pub use mount::Mount;
pub use os::{host_name, is_booted_with_systemd, kernel, operating_system};
pub use owner_index::{OwnerIndex, PendingOwners};
pub use password_prompt::PasswordPrompt;
pub use proc_locks::unseen_lock_inodes;
pub use proc_stat::{ProcStat, start_time};
pub use process::{
    blocks_signal, command_line, descends_from, open_files, process_exists, processes,
};
pub use process_owner::{Owner, OwnerEvidence, OwnerKind, has_foreign_process, is_orphan};
pub use process_table::ProcessTable;
pub use pty::Ptys;
pub use query_error::QueryError;
pub use runtime_dir::{BusAddress, RuntimeDir, SocketState, is_bus_of_manager};
pub use socket_listener::SocketListener;
pub use start_clock::StartClock;
pub use timers::{PendingTimers, Timer};
pub use tmux_environment::{PendingVariables, Variable};
pub use tmux_identity::TmuxIdentity;
pub use tmux_panes::{PendingPanes, TmuxPane};
pub use tmux_server::{TmuxServer, find_in_path, tmux_servers};
pub use transient_units::TransientUnits;
pub use unit_cgroups::{SliceUnits, UnitCgroup};
pub use unit_properties::{OOMD_SETTINGS, UnitProperties};
pub use user::{User, account_name};
pub use user_bus::{
    BUS_VARIABLE, BusAnswer, bus_address, bus_error, bus_manager_command, inspect_bus,
    is_supported_address, manager_dir, manager_start_command, parse_bus_manager,
    parse_manager_start,
};
pub use versions::{Component, PendingVersions, Versions};
