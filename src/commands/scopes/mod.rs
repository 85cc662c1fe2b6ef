//! `doctor scopes`: reads cgroups, processes and tmux, analyses them, writes the report.

mod members;
mod reader;
mod request;
mod slice_choice;

pub(super) use request::run;
