//! The command line on the host as it is, and on hosts made barer than it.

use std::fs;

use crate::schema::assert_valid;
use assert_cmd::Command;
use predicates::prelude::*;
use rstest::rstest;
use tempfile::TempDir;

fn doctor() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env_remove("GC_AGENT_SLICE");
    command
}

fn json(output: &[u8]) -> serde_json::Value {
    let report = serde_json::from_slice(output).expect("one JSON document and nothing else");
    assert_valid(&report);
    report
}

#[rstest]
#[case::id(
    &["check", "env-block-space"],
    "there is no probe or group `env-block-space` (did you mean `env-block-spaces`?); `doctor list` shows all"
)]
#[case::lab_only_id(
    &["check", "linger", "logout-survival"],
    "`logout-survival` is measured in the lab only; `doctor explain logout-survival` shows why, and what is known"
)]
#[case::skipped_id(&["--skip", "lokc"], "there is no probe or group `lokc` (did you mean `lock`?); `doctor list` shows all")]
#[case::explained_id(&["explain", "flock-ordre"], "there is no probe or group `flock-ordre` (did you mean `flock-order`?); `doctor list` shows all")]
#[case::nothing_like_it(&["explain", "nope"], "there is no probe or group `nope`; `doctor list` shows all")]
#[case::format(&["--format", "jsn"], "invalid value 'jsn' for '--format <FORMAT[=FILE]>'; did you mean `json`?; possible values: human, json, ndjson, junit, tap, nagios, prometheus, github, markdown, sarif, html")]
#[case::level(&["--fail-on", "x"], "invalid value 'x' for '--fail-on <LEVEL>'; possible values: fail, warn, change, never")]
#[case::manager(&["--manager", "usr"], "invalid value 'usr' for '--manager <MANAGER>'; did you mean `user`?; possible values: user, system")]
#[case::option(&["--formt", "json"], "unexpected argument '--formt' found; did you mean `--format`?; see `doctor --help`")]
#[case::command(&["chekc"], "unrecognized subcommand 'chekc'; did you mean `check`?; see `doctor --help`")]
#[case::timeout(&["--timeout", "0"], "invalid value '0' for '--timeout <SECONDS>': give a number of seconds above 0 and up to 3600; see `doctor --help`")]
#[case::repo(&["--repo", "/no/such"], "cannot examine --repo /no/such: No such file or directory (os error 2)")]
fn a_wrong_word_is_named_in_one_line_and_nothing_runs(
    #[case] args: &[&str],
    #[case] message: &str,
) {
    doctor().args(args).assert().failure().stdout("").stderr(format!("doctor: {message}\n"));
}

#[test]
fn version_says_the_build_target() {
    doctor().arg("--version").assert().success().stdout(
        predicate::str::is_match(
            r"^doctor \d+\.\d+\.\d+ \([a-z0-9_]+-unknown-linux-(musl|gnu)\)\n$",
        )
        .unwrap(),
    );
}

#[test]
fn list_shows_every_probe_with_its_kind_and_title() {
    doctor()
        .args(["list", "launcher"])
        .assert()
        .success()
        .stdout(predicate::str::contains("launcher\n  caller-sandbox"))
        .stdout(predicate::str::contains("flock-order").not());
}

fn explained(args: &[&str]) -> String {
    let output = doctor().arg("explain").args(args).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

/// The lines of a text that are not indented, after the title and its continuation.
fn headings(text: &str) -> Vec<&str> {
    let is_heading = |line: &&str| line.starts_with(char::is_uppercase) && !line.contains(':');
    text.lines().skip(1).filter(is_heading).collect()
}

#[test]
fn explain_is_a_runbook_of_symptom_fix_cause_and_how_to_see_it() {
    let runbook = ["Symptom", "Fix", "Cause", "See it by hand"];
    let text = explained(&["linger"]);
    assert_eq!(headings(&text), runbook, "{text}");
    assert!(text.contains("doctor explain linger --verbose"), "{text}");
    let more = [&runbook[..], &["Drop the fix when", "Facts", "Messages", "Sources"]].concat();
    let text = explained(&["linger", "--verbose"]);
    assert_eq!(headings(&text), more, "{text}");
}

#[test]
fn explain_shows_facts_in_the_order_of_the_card_and_no_placeholder() {
    let text = explained(&["linger", "--verbose"]);
    let facts = ["  logind: ", "  file: ", "  agreement: ", "  lingers: ", "  may-enable: "];
    let places = facts.map(|fact| text.find(&format!("\n{fact}")).expect(fact));
    assert!(places.is_sorted(), "{text}");
    for placeholder in ["{file}", "{user}", "{delay}"] {
        assert!(!text.contains(placeholder), "{text}");
    }
}

/// Without a single program in PATH the report is complete, and says of each probe what is missing.
#[test]
fn a_host_without_any_program_gets_a_complete_report() {
    let empty = TempDir::new().unwrap();
    let output =
        doctor().env("PATH", empty.path()).args(["--format", "json"]).assert().code(1).stderr("");
    let report = json(&output.get_output().stdout);
    for key in ["systemd", "systemd_version", "tmux", "git", "util_linux"] {
        assert!(report["host"][key].is_null(), "{key}");
    }
    let listed = doctor().arg("list").assert().success();
    let listed = String::from_utf8(listed.get_output().stdout.clone()).unwrap();
    let probes = report["probes"].as_array().unwrap();
    let measured_here = |line: &&str| line.starts_with("  ") && !line.ends_with("in the lab)");
    assert_eq!(probes.len(), listed.lines().filter(measured_here).count());
    for probe in probes {
        assert_ne!(probe["verdict"], "unmeasured", "{probe:#}");
        assert_ne!(probe["summary"], "", "{probe:#}");
    }
    doctor()
        .env("PATH", empty.path())
        .assert()
        .code(1)
        .stdout(predicate::str::contains("no systemd, no tmux, no git"));
}

#[test]
fn a_report_file_appears_whole_and_standard_output_stays_empty() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("report.json");
    doctor()
        .args(["check", "lock", "--format", "json", "--output"])
        .arg(&file)
        .assert()
        .stdout("")
        .stderr("");
    let report = json(&fs::read(&file).unwrap());
    assert_eq!(report["schema"], 1);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing but the report is there");
}

#[test]
fn a_pipe_gets_no_colour_and_no_live_line() {
    let output = doctor().args(["check", "lock"]).assert().stderr("");
    assert!(!output.get_output().stdout.contains(&0x1b));
    let colored = doctor().args(["check", "lock", "--color", "always"]).assert();
    assert!(colored.get_output().stdout.contains(&0x1b));
    let plain =
        doctor().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").args(["check", "lock"]).assert();
    assert!(!plain.get_output().stdout.contains(&0x1b));
}

#[test]
fn no_line_of_the_report_but_a_command_is_wider_than_80_columns() {
    let output = doctor().assert();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("$ ")) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
