//! The formats of a report. tests/readers has them read by the programs that users read them with.

mod docs;
mod fixture;
mod github;
mod json;
mod nagios;
mod screens;
mod several;
mod snapshots;

use assert_cmd::Command;

/// The doctor, in an environment that says nothing about formats.
fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env_remove("GC_AGENT_SLICE").env_remove("GITHUB_STEP_SUMMARY");
    command
}
