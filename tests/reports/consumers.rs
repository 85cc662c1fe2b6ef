use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// A file that `ci/consumers` brought.
#[track_caller]
pub fn consumer(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/consumers").join(path);
    assert!(path.exists(), "NOT RUN: {} is not there; run ci/consumers", path.display());
    path
}

/// A program of the system, which `ci/test` installs.
#[track_caller]
pub fn program(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|dir| dir.join(name).is_file());
    assert!(is_there, "NOT RUN: {name} is not installed; run ci/test");
    Command::new(name)
}

/// Has a script of this directory read a text, in Python with the packages of `ci/consumers.txt`,
/// and gives what it made of it.
#[track_caller]
pub fn python(script: &str, args: &[&Path], text: &str) -> Value {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let mut command = Command::new(consumer("venv/bin/python"));
    command.arg(dir.join(script)).args(args);
    let told = fed(&mut command, text);
    serde_json::from_slice(&told.stdout).expect("the scripts write JSON")
}

/// Runs a program on a text and asserts that it is content.
#[track_caller]
pub fn fed(command: &mut Command, text: &str) -> Output {
    let output = try_fed(command, text);
    assert!(output.status.success(), "{command:?}: {}", shown(&output));
    output
}

/// Runs a program on a text.
pub fn try_fed(command: &mut Command, text: &str) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("a pipe");
    // A reader that has seen enough hangs up.
    let _ = stdin.write_all(text.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("its output")
}

/// All that a program said.
pub fn shown(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    let [stdout, stderr] = streams.map(|bytes| String::from_utf8_lossy(bytes));
    format!("{}\n{stdout}{stderr}", output.status)
}
