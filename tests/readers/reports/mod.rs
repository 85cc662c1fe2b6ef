mod completions;
#[allow(dead_code, reason = "the tests without readers use the rest of it")]
#[path = "../../rootless/reports/fixture.rs"]
mod fixture;
mod html;
mod junit;
mod man;
mod markdown;
mod prometheus;
mod prometheus_server;
mod report_readers;
mod sarif;
mod tap;

use assert_cmd::Command;

/// Returns the doctor, in an environment that has no variable for a format.
fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env_remove("GC_AGENT_SLICE").env_remove("GITHUB_STEP_SUMMARY");
    command
}
