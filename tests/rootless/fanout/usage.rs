use std::fs;

use assert_cmd::Command;
use predicates::str::contains;
use rstest::rstest;
use tempfile::TempDir;

use super::{doctor, fixture};

fn fanout() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.arg("fanout");
    command
}

#[test]
fn a_journal_on_standard_input_is_read() {
    let journal = fs::read(fixture("debian-13")).unwrap();
    fanout()
        .args(["--dispatcher=fan", "--units=m-*", "--journal=-"])
        .write_stdin(journal)
        .assert()
        .code(1)
        .stdout(contains("fan-out of m-* by fan.service (standard input)"))
        .stdout(contains("doctor explain env-block-spaces"));
}

#[rstest]
#[case::text("hello\nworld\n")]
#[case::html("<html></html>\n")]
fn what_is_no_journal_is_wrong_usage(#[case] text: &str) {
    let written = fanout().arg("--journal=-").write_stdin(text).assert().code(2);
    written.stderr(contains("is not a journal")).stdout("");
}

#[test]
fn bad_records_are_counted_and_above_a_tenth_the_report_is_incomplete() {
    let whole = fs::read_to_string(fixture("debian-13")).unwrap();
    let report = |bad: usize| {
        let text = "not json\n".repeat(bad) + &whole;
        let output = fanout()
            .args(["--dispatcher=fan", "--units=m-okone*", "--journal=-", "--format=json"])
            .write_stdin(text)
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        (json["fanout"]["source"].clone(), json["fanout"]["complete"].as_bool().unwrap())
    };
    let (source, complete) = report(5);
    assert_eq!(
        (source["bad_records"].as_u64(), source["first_bad_line"].as_u64()),
        (Some(5), Some(1))
    );
    assert!(complete);
    assert!(!report(40).1);
}

#[test]
fn an_incomplete_source_without_a_finding_is_exit_3() {
    let whole = fs::read_to_string(fixture("debian-13")).unwrap();
    let without_start: Vec<&str> = whole
        .lines()
        .filter(|line| !(line.contains("m-okone") && line.contains("\"Starting")))
        .collect();
    fanout()
        .args(["--dispatcher=none", "--units=m-okone*", "--journal=-"])
        .write_stdin(without_start.join("\n"))
        .assert()
        .code(3)
        .stdout(contains("the journal is incomplete"))
        .stdout(contains("the start of m-okone.service is not in the journal"));
    fanout()
        .args(["--dispatcher=none", "--units=nothing", "--journal=-"])
        .write_stdin(whole)
        .assert()
        .code(4);
}

#[test]
fn a_lock_history_that_was_named_is_read_and_its_violations_are_findings() {
    let dir = TempDir::new().unwrap();
    let history = dir.path().join("history");
    fs::write(
        &history,
        "10|ACQUIRED|103|autonomous-code|a|\n20|ACQUIRED|104|autonomous-code|a|\n\
         30|RELEASED|103|autonomous-code|a|\n31|RELEASED|104|autonomous-code|a|\n",
    )
    .unwrap();
    let run = |text: &str| {
        fs::write(&history, text).unwrap();
        fanout()
            .args(["--dispatcher=none", "--units=m-okone*", "--journal"])
            .arg(fixture("debian-13"))
            .arg("--history")
            .arg(&history)
            .assert()
    };
    let text = fs::read_to_string(&history).unwrap();
    run(&text)
        .code(1)
        .stdout(contains("lock autonomous-code: 103 and 104 were inside together for 10 s"));
    run(&text.replace("20|ACQUIRED", "30|ACQUIRED")).code(1);
    run("10|ACQUIRED|1|a|s\n20|RELEASED|1|a|s\n20|ACQUIRED|2|a|s\n21|RELEASED|2|a|s\n").code(0);
    run("hello\n").code(2).stderr(contains("is not a lock history"));
}

#[test]
fn fewer_than_expected_is_a_finding() {
    for (expect, code) in [("1", 0), ("2", 1)] {
        fanout()
            .args(["--dispatcher=none", "--units=m-okone*", "--expect", expect, "--journal"])
            .arg(fixture("debian-12"))
            .assert()
            .code(code);
    }
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    for args in [
        ["--live=2", "--watch"].as_slice(),
        &["--journal=x", "--live=2"],
        &["--for=3s"],
        &["--since=yesterday"],
        &["--format=xml"],
        &["--format=json", "--format=human"],
    ] {
        fanout().args(args).assert().code(2).stdout("");
    }
    doctor("debian-11").arg("--until-idle").assert().code(2);
}
