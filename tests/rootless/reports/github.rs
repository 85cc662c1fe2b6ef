use std::fs;

use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, Report, render};
use predicates::prelude::*;
use tempfile::TempDir;

use super::doctor;
use super::fixture::hostile_report;

/// An annotation as GitHub's runner reads it: level, title, message.
fn annotations(report: &Report) -> Vec<[String; 3]> {
    render(report, Format::Github, 80)
        .lines()
        .filter_map(|line| line.strip_prefix("::"))
        .map(|line| {
            let (command, data) = line.split_once("::").unwrap();
            let (level, properties) = command.split_once(' ').unwrap();
            let (key, title) = properties.split_once('=').unwrap();
            assert_eq!(key, "title");
            assert!(!title.contains([':', ',', '\r', '\n']), "{title}");
            [level.to_owned(), unescaped(title), unescaped(data)]
        })
        .collect()
}

fn unescaped(text: &str) -> String {
    ["%0D=\r", "%0A=\n", "%3A=:", "%2C=,", "%25=%"].iter().fold(text.to_owned(), |text, pair| {
        let (code, c) = pair.split_once('=').unwrap();
        text.replace(code, c)
    })
}

#[test]
fn what_fails_the_step_comes_first_and_what_is_fine_not_at_all() {
    let levels = |fail_on| {
        let shown = annotations(&hostile_report(fail_on));
        shown.iter().map(|[level, title, _]| format!("{level} {title}")).collect::<Vec<_>>()
    };
    assert_eq!(
        levels(FailOn::Fail),
        [
            "error doctor: probe-fail fail",
            "error doctor: probe-unmeasured unmeasured",
            "warning doctor: probe-regressed regressed",
            "warning doctor: probe-warn warn",
            "notice doctor: probe-relaxable relaxable",
            "notice doctor: note",
            "notice doctor: note",
        ]
    );
    assert_eq!(
        levels(FailOn::Change)[..4],
        [
            "error doctor: probe-fail fail",
            "error doctor: probe-regressed regressed",
            "error doctor: probe-warn warn",
            "error doctor: probe-relaxable relaxable",
        ]
    );
}

#[test]
fn a_message_keeps_its_lines_and_starts_no_command_of_its_own() {
    let report = hostile_report(FailOn::Fail);
    let [_, _, message] = &annotations(&report)[0];
    let expected = [
        "summary a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\\u{d}",
        "$ loginctl enable-linger agent",
        "More: doctor explain probe-fail",
    ];
    for line in expected {
        assert!(message.lines().any(|it| it == line), "{line} is not in:\n{message}");
    }
    let text = render(&report, Format::Github, 80);
    assert_eq!(text.lines().count(), 8, "seven annotations and the counts:\n{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_summary_of_the_job_is_added_to_what_is_there() {
    let dir = TempDir::new().unwrap();
    let summary = dir.path().join("summary.md");
    fs::write(&summary, "# before\n").unwrap();
    let run = |args: &[&str]| {
        doctor()
            .env("GITHUB_STEP_SUMMARY", &summary)
            .args(["check", "linger", "--fail-on", "never"])
            .args(args)
            .assert()
            .code(0)
    };
    run(&["--format", "github"]).stdout(predicate::str::contains("doctor: "));
    let text = fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with("# before\n## doctor: "), "{text}");
    assert!(text.contains("| `linger` |"), "{text}");
    run(&["--format", "json"]);
    assert_eq!(fs::read_to_string(&summary).unwrap(), text, "only for --format github");
    run(&["--format", "human", "--format=github=/dev/stderr"]);
    assert_eq!(fs::read_to_string(&summary).unwrap().matches("## doctor: ").count(), 2);

    doctor()
        .env("GITHUB_STEP_SUMMARY", dir.path())
        .args(["check", "linger", "--format", "github"])
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicate::str::starts_with("doctor: cannot write the report to "));
}
