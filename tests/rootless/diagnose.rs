//! `doctor diagnose` on logs as collectors write them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use assert_cmd::assert::OutputAssertExt;
use launch_doctor::report::diagnosis::schema;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use serde_json::Value;
use tempfile::TempDir;

const MESSAGE: &str = "Failed to start transient service unit: Invalid environment block.";

fn doctor(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.arg("diagnose").args(args);
    command
}

fn json(log: &[u8], args: &[&str]) -> Value {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("build.log");
    std::fs::write(&path, log).unwrap();
    let output = doctor(args).args(["--format", "json"]).arg(&path).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_valid(&report);
    report
}

fn assert_valid(report: &Value) {
    let validator = validator();
    let errors: Vec<String> = validator.iter_errors(report).map(|it| it.to_string()).collect();
    assert_eq!(errors, [""; 0], "{report:#}");
}

fn validator() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap()
}

#[test]
fn the_schema_of_a_diagnosis_in_the_documents_is_that_of_the_types_and_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnose.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    let advice = "docs/diagnose.schema.json is stale: UPDATE_DOCS=1 cargo nextest run schema";
    assert!(written == schema(), "{advice}");
    let log = format!("2026-11-28T19:00:01Z {MESSAGE}\nfatal: something else\n");
    let report = json(log.as_bytes(), &[]);
    assert_eq!((&report["unknown"][0]["line"], &report["exit"]), (&2.into(), &1.into()));
    let mut wrong = report.clone();
    wrong["findings"][0]["confirm"] = "perhaps".into();
    assert!(!validator().is_valid(&wrong));
}

#[rstest]
#[case::plain("Failed to start transient service unit: Invalid environment block.")]
#[case::carriage_return("Failed to start transient service unit: Invalid environment block.\r")]
#[case::journal(
    "Nov 28 19:00:01 host agent[12]: Failed to start transient service unit: Invalid environment block."
)]
#[case::github(
    "2026-11-28T19:00:01.1234567Z Failed to start transient service unit: Invalid environment block."
)]
#[case::gitlab(
    "2026-11-28T19:00:01.123456Z 01E Failed to start transient service unit: Invalid environment block."
)]
#[case::buildkite(
    "\u{1b}_bk;t=1700000000000\u{7}Failed to start transient service unit: Invalid environment block."
)]
#[case::colours(
    "\u{1b}[1;31mFailed to start transient service unit: Invalid environment block.\u{1b}[0m"
)]
#[case::json(r#"{"MESSAGE":"Failed to start transient service unit: Invalid environment block.","SYSLOG_IDENTIFIER":"agent"}"#)]
#[case::export("MESSAGE=Failed to start transient service unit: Invalid environment block.")]
fn a_message_is_found_whatever_a_collector_puts_in_front(#[case] line: &str) {
    let log = format!("first\n{line}\n{line}\nlast\n");
    let report = json(log.as_bytes(), &[]);
    let finding = &report["findings"][0];
    assert_eq!(finding["mode"], "env-block-spaces", "{report:#}");
    assert_eq!((&finding["count"], &finding["first"]["line"]), (&2.into(), &2.into()));
    assert_eq!(finding["last"]["line"], 3);
    assert_eq!(report["exit"], 1);
}

#[rstest]
#[case::prose("The log says: Failed to start transient service unit: Invalid environment block.")]
#[case::diff("+Failed to start transient service unit: Invalid environment block.")]
#[case::chat("> Failed to start transient service unit: Invalid environment block.")]
#[case::code("    Failed to start transient service unit: Invalid environment block.")]
#[case::fence("```\nFailed to start transient service unit: Invalid environment block.\n```")]
#[case::another_program(
    "Nov 28 19:00:01 host kernel: Failed to start transient service unit: Invalid environment block."
)]
fn a_message_that_a_person_quotes_is_silent_unless_loose(#[case] log: &str) {
    let report = json(format!("{log}\n").as_bytes(), &[]);
    assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
    assert_eq!(report["exit"], 0);
    let report = json(format!("{log}\n").as_bytes(), &["--loose"]);
    assert_eq!(report["findings"][0]["mode"], "env-block-spaces", "{report:#}");
}

#[test]
fn what_the_line_names_is_in_the_cause_and_in_the_fix() {
    let log = b"Failed to start transient scope unit: Unit my agent.scope already exists.\n\
        Failed to start transient service unit: Unit it's.service already exists.\n";
    let report = json(log, &[]);
    let fix = report["findings"][0]["fix"].to_string();
    assert!(fix.contains(r"systemctl --user reset-failed 'it'\\''s.service'"), "{fix}");
}

#[test]
fn bytes_that_are_no_text_and_lines_without_an_end_are_read() {
    let mut log = b"\xff\xfe\0\n".to_vec();
    log.extend(vec![b'x'; 3 << 20]);
    log.extend(format!("\nNUL\0 in it\n{MESSAGE}").bytes());
    let report = json(&log[2..], &[]);
    assert_eq!(report["findings"][0]["first"]["line"], 4, "{report:#}");
    assert!(report["inputs"][0]["incomplete"].as_str().unwrap().contains("KiB"));
}

#[test]
fn a_finding_is_there_while_the_pipe_is_still_open() {
    let mut child = doctor(&["--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{MESSAGE}").unwrap();
    input.flush().unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.contains("env-block-spaces"), "{line}");
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_log_without_a_known_message_is_not_called_healthy() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, "fatal: something else\nfine\n").unwrap();
    doctor(&[])
        .arg(&path)
        .assert()
        .code(0)
        .stdout(contains("1 line looks like a failure that is not known: 1"))
        .stderr(contains("does not mean that the log is healthy"));
    doctor(&["--all"]).arg(&path).assert().stdout(contains("1: fatal: something else"));
}

#[rstest]
#[case::missing("/no/such", "cannot read /no/such")]
#[case::directory("/", "it is a directory")]
#[case::device("/dev/null", "no line is a known failure")]
fn what_cannot_be_read_is_one_sentence(#[case] path: &str, #[case] message: &str) {
    let status = if path == "/dev/null" { 0 } else { 2 };
    doctor(&[path]).assert().code(status).stderr(contains(message).and(contains("\n").count(1)));
}

#[test]
fn a_compressed_file_is_answered_with_the_command_that_unpacks_it() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("log.zst");
    std::fs::write(&path, b"\x28\xb5\x2f\xfd....").unwrap();
    doctor(&[]).arg(&path).assert().code(2).stderr(contains("zstdcat"));
}

/// This repository quotes most messages: in cards, pages, tests and sources.
#[test]
fn the_repository_itself_has_no_finding() {
    let root = env!("CARGO_MANIFEST_DIR");
    let listed = Command::new("git").args(["-C", root, "ls-files"]).output();
    let Ok(listed) = listed else { return };
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let is_text = |path: &&str| [".rs", ".md", ".toml", ".sh"].iter().any(|it| path.ends_with(it));
    let files: Vec<String> = listed
        .lines()
        .filter(is_text)
        .map(|path| format!("{root}/{path}"))
        .filter(|path| std::path::Path::new(path).is_file())
        .collect();
    if files.is_empty() {
        // A package from a registry has no repository around it.
        return;
    }
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let output = doctor(&["--format", "json"]).args(&files).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
}

/// Diffs and commit messages quote even more: also records of journals, whole.
#[test]
fn the_history_of_the_repository_has_no_finding() {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut git = Command::new("git");
    git.args(["-C", root, "log", "-p", "--no-color", "--no-ext-diff"]);
    let log = git.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    // A package from a registry has no history, and need not have git.
    let Ok(mut log) = log else { return };
    let output = doctor(&["--format", "json"]).stdin(log.stdout.take().unwrap()).output().unwrap();
    log.wait().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["findings"], serde_json::json!([]), "{report:#}");
}

#[test]
fn a_line_of_a_log_is_explained_like_the_id_that_it_shows() {
    let explain = |what: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        command.args(["explain", what]);
        command
    };
    explain("Nov 28 19:00:01 host agent[1]: no server running on /tmp/tmux-1000/default")
        .assert()
        .success()
        .stdout(contains("tmux-socket: "));
    explain("nothing that is known")
        .assert()
        .code(2)
        .stderr(contains("no known failure mode has this message"));
}
