//! The formats of a report, each read by what reads it in earnest.
//!
//! `ci/consumers` brings the readers; a test that misses its reader fails and says `NOT RUN`.

mod completions;
mod consumers;
mod docs;

mod fixture;
mod github;
mod json;
mod junit;
#[path = "../lab/mod.rs"]
mod lab;
mod man;
mod markdown;
mod nagios;
mod prometheus;
mod prometheus_server;
mod several;
mod snapshots;
mod tap;

use assert_cmd::Command;

/// The doctor, in an environment that says nothing about formats.
fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env_remove("GC_AGENT_SLICE").env_remove("GITHUB_STEP_SUMMARY");
    command
}
