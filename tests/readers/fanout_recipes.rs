//! The alert rules and the metrics of a fan-out, read by promtool.

use std::path::PathBuf;
use std::process::Command;

fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns `doctor fanout` on the recorded journal of a release, whose dispatcher is fan.service.
fn doctor(release: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
    command.env("TZ", "UTC").args(["fanout", "--dispatcher=fan", "--units=m-*"]);
    let fixture = project(&format!("tests/rootless/fixtures/fanout/{release}.json"));
    command.arg("--journal").arg(fixture);
    command
}

fn promtool() -> Command {
    let path = project("target/report-readers/root/usr/bin/promtool");
    assert!(path.exists(), "NOT RUN: {} is not there; run ci/report-readers", path.display());
    Command::new(path)
}

#[track_caller]
fn assert_runs(command: &mut Command) {
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}");
}

#[test]
fn the_alert_rules_fire_when_they_must_and_only_then() {
    let dir = project("ci/recipes/prometheus");
    assert_runs(promtool().current_dir(&dir).args(["check", "rules", "fan-out.rules.yml"]));
    assert_runs(promtool().current_dir(&dir).args(["test", "rules", "fan-out.test.yml"]));
}

#[test]
fn promtool_finds_nothing_to_say_about_the_metrics() {
    use std::io::Write;
    let output = doctor("debian-13").args(["--format", "prometheus"]).output().unwrap();
    let mut child = promtool()
        .args(["check", "metrics"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&output.stdout).unwrap();
    let checked = child.wait_with_output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
}
