//! Live, isolated measurements of how a host launches processes.
//!
//! A probe measures one failure mode and yields [`Measurement`]s: facts, and the evidence that
//! produced them. It never judges: what a fact means is written on the card (`NAME.toml`) beside
//! the probe (`NAME.rs`), and read by the crate that judges.

#[doc(hidden)]
pub mod fuzzed;
pub mod host;
mod measurement;
mod probe;
pub mod sandbox;

pub use measurement::{Evidence, Measurement, Outcome, Unable};
pub use probe::{Probe, Turn};

/// Declares each probe's module and enters it in [`PROBES`]: one line a failure mode.
///
/// `GROUP [SHARED]: NAME;` stands for the files `GROUP/NAME.rs` and `GROUP/NAME.toml`, and for
/// `GROUP/SHARED.rs`, which several probes of the group use. `NAME (TURN)` says when it starts
/// (see [`Turn`]).
macro_rules! registry {
    ($($group:ident $([$($shared:ident),+])?: $($name:ident $(($turn:ident))?),+;)+) => {
        $(mod $group {
            $($(pub(super) mod $shared;)+)?
            $(pub(super) mod $name;)+
        })+

        /// Every probe, in the order in which reports show them.
        pub static PROBES: &[Probe] = &[
            $($(Probe {
                group: stringify!($group),
                name: stringify!($name),
                card: include_str!(concat!(stringify!($group), "/", stringify!($name), ".toml")),
                turn: registry!($(Turn::$turn,)? Turn::AnyTime),
                measure: $group::$name::measure,
            },)+)+
        ];
    };
    ($turn:expr $(, $default:expr)?) => { $turn };
}

registry! {
    launcher [delivery, forgotten]:
        env_block_spaces,
        env_block_split,
        setenv_fidelity,
        unit_file_env (UnitFiles),
        service_argument_expansion,
        launch_status (Early),
        collect_forgets,
        unit_name_taken (UnitFiles),
        option_order,
        service_environment;
    scope [
        address,
        agent_slice,
        borrowed_slices,
        edit_distance,
        out_of_memory,
        own_scope,
        refusal,
        slice_word,
        task_bounds,
        unit_groups
    ]:
        scope_availability,
        bus_address,
        scope_argument_expansion,
        scope_exec,
        scope_name,
        slice_name,
        slice_defined,
        slice_nesting,
        controllers_delegated,
        task_headroom,
        failed_units;
    tmux [bus_variables, held_bus, pane, pane_pipe, server_bus, server_home, spawn_scope, wrapper]:
        tmux_bus_env (Panes),
        tmux_pane_scope (Panes),
        tmux_wrapped_pane (Panes),
        tmux_pane_command (Panes),
        tmux_server_home,
        tmux_socket,
        tmux_command_limit (Panes);
    session [authorization, guest, linger_file]:
        linger,
        logout_policy,
        logout_survival (Alone);
    lock [attempts, git_leftovers, private_repo, queue]:
        flock_order,
        flock_inherited,
        flock_unlinked,
        lock_path,
        pull_race (Early),
        maintenance_holds_lock,
        stale_git_state,
        git_env_leak;
    fanout [gate]:
        fanout_parallel,
        journal_ends (Early);
}
