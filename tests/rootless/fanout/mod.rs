//! The analysis of a fan-out, on journals that were recorded in the lab and on random ones.

mod formats;
mod random_fleets;
mod random_locks;
mod recipes;
mod recorded;
mod usage;

use std::path::PathBuf;

use assert_cmd::Command;
use serde_json::Value;

/// The releases whose journals were recorded.
const RELEASES: [&str; 5] =
    ["debian-11", "debian-12", "debian-12-backports", "debian-13", "debian-14"];

fn fixture(release: &str) -> PathBuf {
    project(&format!("tests/rootless/fixtures/fanout/{release}.json"))
}

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `doctor fanout` on the recorded journal of a release, whose dispatcher is fan.service.
fn doctor(release: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env("TZ", "UTC").args(["fanout", "--dispatcher=fan", "--units=m-*"]);
    command.arg("--journal").arg(fixture(release));
    command
}

#[track_caller]
fn json(command: &mut Command) -> Value {
    let output = command.args(["--format", "json"]).output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}
