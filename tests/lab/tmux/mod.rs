//! Tests of the tmux group: the panes in which agents run, and their servers.

mod bus_env;
mod command_limit;
mod fact_check;
mod names_and_panes;
mod pane_command;
mod pane_scope;
mod server_home;
mod socket;
mod start;
mod wrapped_pane;
