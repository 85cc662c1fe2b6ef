//! Says at the end of `cargo test` which tests it left out, and how to run them.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    // Another runner asks for a list of tests; there is none in here.
    if env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    match (count("lab"), count("readers")) {
        (Ok(lab), Ok(readers)) => {
            println!(
                "NOT RUN: {lab} tests need the lab, which boots real systemd: ci/test runs them."
            );
            println!(
                "NOT RUN: {readers} tests need Prometheus and other readers of reports: ci/test --all runs them."
            );
            ExitCode::SUCCESS
        }
        (Err(error), _) | (_, Err(error)) => {
            println!("cannot count the tests that were left out: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Counts the tests of a binary that plain `cargo test` leaves out.
fn count(test: &str) -> Result<usize, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // All packages, so that their dependencies have the features with which they are built already.
    let list = Command::new(env!("CARGO"))
        .args(["test", "--quiet", "--workspace", "--test", test, "--", "--list", "--format=terse"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo: {error}"))?;
    if !list.status.success() {
        return Err(String::from_utf8_lossy(&list.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&list.stdout)
        .lines()
        .filter(|line| line.ends_with(": test"))
        .count())
}
