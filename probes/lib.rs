//! Live, isolated measurements of how a host launches processes.
//!
//! A probe measures one failure mode and yields a [`Measurement`]: facts, and the evidence that
//! produced them. It never judges: what a fact means is written on the card (`NAME.toml`) beside
//! the probe (`NAME.rs`), and read by the crate that judges.
//!
//! Each layer uses only those above it in this list: [`exec`], [`host`], [`sandbox`], the groups of
//! probes, [`runner`].

pub mod exec;
pub mod host;
mod registry;
pub mod runner;
pub mod sandbox;

#[cfg(any(test, feature = "fuzz-invariants"))]
pub mod fuzz_invariants;

mod launcher {
    pub(crate) mod support {
        pub(crate) mod control_units;
        pub(crate) mod drop_in;
        pub(crate) mod env_launch;
        pub(crate) mod exit_status;
        pub(crate) mod loader;
        pub(crate) mod manager_environment;
        pub(crate) mod unit_unload;
    }
    pub(crate) mod caller_sandbox;
    pub(crate) mod collect_forgets;
    pub(crate) mod env_block_spaces;
    pub(crate) mod env_block_split;
    pub(crate) mod launch_status;
    pub(crate) mod launch_surroundings;
    pub(crate) mod option_order;
    pub(crate) mod service_argument_expansion;
    pub(crate) mod service_environment;
    pub(crate) mod setenv_fidelity;
    pub(crate) mod unit_file_env;
    pub(crate) mod unit_name_taken;
}
mod scope {
    pub(crate) mod support {
        pub(crate) mod agent_slice;
        pub(crate) mod availability;
        pub(crate) mod bus_env;
        pub(crate) mod bus_unit;
        pub(crate) mod manager_limits;
        pub(crate) mod memory_limits;
        pub(crate) mod missing_manager;
        pub(crate) mod oom_policy;
        pub(crate) mod private_scope;
        pub(crate) mod refused_scope;
        pub(crate) mod scope_diagnosis;
        pub(crate) mod slice_name_syntax;
        pub(crate) mod slice_snapshot;
        pub(crate) mod task_limits;
        pub(crate) mod unit_group;
        pub(crate) mod user_manager_units;
    }
    pub(crate) mod bus_address;
    pub(crate) mod controllers_delegated;
    pub(crate) mod failed_units;
    pub(crate) mod scope_argument_expansion;
    pub(crate) mod scope_availability;
    pub(crate) mod scope_exec;
    pub(crate) mod scope_name;
    pub(crate) mod slice_defined;
    pub(crate) mod slice_name;
    pub(crate) mod slice_nesting;
    pub(crate) mod slice_orphans;
    pub(crate) mod task_headroom;
    pub(crate) mod user_bus;
}
mod tmux {
    pub(crate) mod support {
        pub(crate) mod attach;
        pub(crate) mod bounded_list;
        pub(crate) mod bus_proxy;
        pub(crate) mod bus_variables;
        pub(crate) mod configuration_line;
        pub(crate) mod empty_scopes;
        pub(crate) mod kept_panes;
        pub(crate) mod pane;
        pub(crate) mod pane_fifo;
        pub(crate) mod server_oomd;
        pub(crate) mod server_reachability;
        pub(crate) mod server_share;
        pub(crate) mod server_socket;
        pub(crate) mod server_unit;
        pub(crate) mod socket_dir;
        pub(crate) mod spawn_scope;
        pub(crate) mod tmux_configuration;
        pub(crate) mod tmux_variables;
        pub(crate) mod wrapper;
    }
    pub(crate) mod tmux_bus_env;
    pub(crate) mod tmux_command_limit;
    pub(crate) mod tmux_dead_status;
    pub(crate) mod tmux_pane_command;
    pub(crate) mod tmux_pane_scope;
    pub(crate) mod tmux_server_home;
    pub(crate) mod tmux_session_name;
    pub(crate) mod tmux_socket;
    pub(crate) mod tmux_start;
    pub(crate) mod tmux_start_directory;
    pub(crate) mod tmux_target_match;
    pub(crate) mod tmux_wrapped_pane;
}
mod session {
    pub(crate) mod support {
        pub(crate) mod linger_file;
        pub(crate) mod polkit;
    }
    pub(crate) mod linger;
    pub(crate) mod logout_policy;
}
mod lock {
    pub(crate) mod support {
        pub(crate) mod at_once;
        pub(crate) mod autostash;
        pub(crate) mod git_head;
        pub(crate) mod git_query;
        pub(crate) mod git_state;
        pub(crate) mod git_variables;
        pub(crate) mod linked_trees;
        pub(crate) mod lock_workers;
        pub(crate) mod private_repo;
        pub(crate) mod pull_error;
        pub(crate) mod repository_entry;
        pub(crate) mod repository_state;
        pub(crate) mod try_lock;
        pub(crate) mod write_access;
    }
    pub(crate) mod flock_inherited;
    pub(crate) mod flock_order;
    pub(crate) mod flock_unlinked;
    pub(crate) mod git_env_leak;
    pub(crate) mod git_usable;
    pub(crate) mod linked_tree_pull;
    pub(crate) mod lock_held;
    pub(crate) mod lock_path;
    pub(crate) mod maintenance_holds_lock;
    pub(crate) mod pull_race;
    pub(crate) mod stale_git_state;
    pub(crate) mod worktree_add_race;
}
mod fanout {
    pub(crate) mod support {
        pub(crate) mod barrier;
        pub(crate) mod journal_state;
        pub(crate) mod timer_state;
        pub(crate) mod triggered_unit;
    }
    pub(crate) mod fanout_parallel;
    pub(crate) mod journal_ends;
    pub(crate) mod journal_usable;
    pub(crate) mod live;
    pub(crate) mod timer_health;
    pub(crate) mod timer_swallows_fires;
}

pub use registry::PROBES;
pub use runner::{Need, Probe, Schedule};
pub use sandbox::{Evidence, Measurement, NotMeasured, Outcome};

/// Launches units that wait for each other: what `doctor fanout --live` runs. It has no card.
pub static LIVE: Probe = Probe {
    group: "fanout",
    name: "live",
    needs: &[Need::Manager, Need::UserBus, Need::SystemdRun],
    card: "",
    facts: &[],
    schedule: Schedule::Default,
    measure: Some(fanout::live::measure),
};
