use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Returns a file that `ci/report-readers` installed.
#[track_caller]
pub(super) fn reader(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/report-readers").join(path);
    assert!(path.exists(), "NOT RUN: {} is not there; run ci/report-readers", path.display());
    path
}

/// Returns a program of the system, which `ci/test` installs.
#[track_caller]
pub(super) fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    assert!(is_there, "NOT RUN: {name} is not installed; run ci/test");
    Command::new(name)
}

/// Runs a Python script of this directory on a text, with the packages of `ci/report-readers.txt`, and returns the JSON
/// that it writes.
#[track_caller]
pub(super) fn python(script: &str, args: &[&Path], text: &str) -> Value {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rootless/reports");
    let mut command = Command::new(reader("venv/bin/python"));
    command.arg(dir.join(script)).args(args);
    let output = fed(&mut command, text);
    serde_json::from_slice(&output.stdout).expect("the scripts write JSON")
}

/// Runs a program on a text and asserts that it succeeds.
#[track_caller]
pub(super) fn fed(command: &mut Command, text: &str) -> Output {
    let output = try_fed(command, text);
    assert!(output.status.success(), "{command:?}: {}", shown(&output));
    output
}

/// Runs a program on a text.
pub(super) fn try_fed(command: &mut Command, text: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    // A reader may close its input early.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("its output")
}

/// Returns all that a program wrote, and its status.
pub(super) fn shown(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    let [stdout, stderr] = streams.map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{stdout}{stderr}", output.status)
}
