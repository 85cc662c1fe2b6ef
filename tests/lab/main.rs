//! The regression suite on real systemd: every failure mode is made for real, and the doctor must see it.
//! It needs root, and `ci/lab`; `ci/test` runs it.

#[macro_use]
mod lab;

mod concurrent_runs;
mod crash_recovery;
mod diagnose;
mod environment;
mod exit_status;
mod fanout;
mod fanout_runs;
mod faults;
mod fixes;
mod gate;
mod hostile_input;
mod isolation;
mod lab_vm;
mod launcher;
mod lock;
mod readers;
mod recipes;
mod scope;
mod scopes;
mod secrets;
mod session;
mod slice;
mod tmux;
mod unresponsive_services;
