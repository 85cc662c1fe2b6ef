//! What tmux does to the panes in which agents run.

#[path = "../lab/mod.rs"]
mod lab;

mod bus_env;
mod command_limit;
mod pane_command;
mod pane_scope;
mod server_home;
mod socket;
mod view;
mod wrapped_pane;
