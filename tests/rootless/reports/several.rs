//! Several formats at once, and what is wrong with a request before anything runs.

use std::fs;
use std::path::Path;

use predicates::prelude::*;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

use super::doctor;

/// A probe that leaves a mark when it runs, in front of the real programs.
fn marked(dir: &Path) -> (assert_cmd::Command, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let mark = dir.join("ran");
    let bin = dir.join("bin");
    fs::create_dir(&bin).unwrap();
    let flock = bin.join("flock");
    fs::write(&flock, format!("#!/bin/sh\n: >'{}'\n", mark.display())).unwrap();
    fs::set_permissions(&flock, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = doctor();
    command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
    (command, mark)
}

#[test]
fn several_formats_tell_one_run() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name);
    let run = doctor()
        .args(["check", "session", "--format", "human"])
        .arg(format!("--format=json={}", file("report.json").display()))
        .arg("--format")
        .arg(format!("ndjson={}", file("a=b.ndjson").display()))
        .arg(format!("--format=markdown={}", file("report.md").display()))
        .assert()
        .stderr("");
    let report: Value = serde_json::from_slice(&fs::read(file("report.json")).unwrap()).unwrap();
    let text = fs::read_to_string(file("a=b.ndjson")).unwrap();
    assert!(text.contains(report["started"].as_str().unwrap()));
    assert!(fs::read_to_string(file("report.md")).unwrap().starts_with("## doctor: "));
    assert_eq!(run.get_output().status.code().map(Value::from), Some(report["exit"].clone()));
    let closing = format!(" in {:.1} s\n", report["seconds"].as_f64().unwrap());
    let output = String::from_utf8_lossy(&run.get_output().stdout);
    assert!(output.ends_with(&closing), "{closing}: {output}");
}

#[rstest]
#[case::two_to_stdout(&["--format", "human", "--format", "json"], "two reports cannot both go to standard output; give one a file, as in --format junit=FILE")]
#[case::twice_to_stdout(&["--format", "human", "--format", "json=-"], "two reports cannot both go to standard output; give one a file, as in --format junit=FILE")]
#[case::one_file(&["--format", "tap=x", "--format", "junit=./x"], "two reports cannot both go to ./x; give one a file, as in --format junit=FILE")]
#[case::output_of_two(&["--format", "human", "--format", "json", "--output", "x"], "--output goes with a single --format that names no file; give each format a file of its own, as in --format junit=FILE")]
#[case::output_twice(&["--format", "json=x", "--output", "y"], "--output goes with a single --format that names no file; give each format a file of its own, as in --format junit=FILE")]
#[case::no_file(&["--format", "json="], "no file after the `=` of --format json=; see `doctor --help`")]
#[case::unknown(&["--format", "junitt=x"], "invalid value 'junitt' for '--format <FORMAT[=FILE]>'; did you mean `junit`?; possible values: human, json, ndjson, junit, tap, nagios, prometheus, github, markdown, sarif, html")]
#[case::no_dir(&["--format", "human", "--format", "json=/no/such/file"], "cannot write the report to /no/such/file: No such file or directory (os error 2)")]
#[case::not_a_dir(&["--format", "json=/dev/null/x"], "cannot write the report to /dev/null/x: Not a directory (os error 20)")]
#[case::a_dir(&["--output", "/usr"], "cannot write the report to /usr: is a directory")]
fn a_report_that_cannot_be_written_is_one_line_and_nothing_runs(
    #[case] args: &[&str],
    #[case] message: &str,
) {
    let dir = TempDir::new().unwrap();
    let (mut doctor, mark) = marked(dir.path());
    let before = fs::read_dir(dir.path()).unwrap().count();
    doctor
        .current_dir(dir.path())
        .args(args)
        .assert()
        .code(2)
        .stdout("")
        .stderr(format!("doctor: {message}\n"));
    assert!(!mark.exists(), "it ran all the same");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), before, "it wrote something");
}

#[test]
fn the_mark_of_a_run_is_left_by_a_run() {
    let dir = TempDir::new().unwrap();
    let (mut doctor, mark) = marked(dir.path());
    let _ = doctor.args(["check", "linger"]).assert();
    assert!(mark.exists());
}

#[test]
fn one_report_that_fails_at_the_end_keeps_none_of_the_others_back() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("report.json");
    doctor()
        .args(["check", "linger", "--format", "human", "--format", "tap=/dev/full"])
        .arg(format!("--format=json={}", file.display()))
        .assert()
        .code(2)
        .stdout(predicate::str::is_match(r" in \d+\.\d s\n$").unwrap())
        .stderr(
            "doctor: cannot write the report to /dev/full: No space left on device (os error 28)\n",
        );
    serde_json::from_slice::<Value>(&fs::read(&file).unwrap()).unwrap();
}

#[test]
fn a_link_stays_and_the_file_behind_it_is_replaced() {
    let dir = TempDir::new().unwrap();
    let (file, link) = (dir.path().join("report"), dir.path().join("link"));
    fs::write(&file, "before").unwrap();
    std::os::unix::fs::symlink("report", &link).unwrap();
    doctor()
        .args(["check", "linger", "--format", "json", "--output"])
        .arg(&link)
        .assert()
        .stdout("");
    assert!(link.is_symlink());
    assert!(fs::read_to_string(&file).unwrap().starts_with('{'));
}

#[test]
fn standard_output_by_its_name_is_appended_to_like_standard_output() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("log");
    for target in ["/dev/stdout", "-"] {
        fs::write(&file, "before\n").unwrap();
        let log = fs::OpenOptions::new().append(true).open(&file).unwrap();
        std::process::Command::new(env!("CARGO_BIN_EXE_doctor"))
            .args(["check", "linger", "--format", &format!("json={target}")])
            .stdout(log)
            .status()
            .unwrap();
        assert!(fs::read_to_string(&file).unwrap().starts_with("before\n{"));
    }
}
