use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, Report, render};
use tempfile::TempDir;

use super::doctor;
use super::fixture::{HOSTILE, HOSTILE_LINE, hostile_report};
use super::report_readers::{fed, program, python, reader, shown};

fn rendered(report: &Report) -> String {
    render(report, Format::Tap, 80)
}

/// Perl with the TAP parser of Debian's archive in front of its own.
fn perl() -> Command {
    let mut perl = program("perl");
    perl.arg("-I").arg(reader("root/usr/share/perl5"));
    perl
}

/// What the parser behind `prove` makes of each test: its word, whether that is good, the
/// directive, the description and the explanation; then the version, the plan and the sum of it.
fn read(text: &str) -> Vec<Vec<String>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rootless/reports/tap.pl");
    let output = fed(perl().arg(script), text);
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// The same for one probe, without its description.
fn result<'a>(lines: &'a [Vec<String>], id: &str) -> [&'a str; 4] {
    let line = lines.iter().find(|line| line[3] == format!("- {id}")).expect("the test");
    [&line[0], &line[1], &line[2], &line[4]]
}

#[test]
fn the_parser_of_prove_reads_one_plan_and_every_test() {
    let lines = read(&rendered(&hostile_report(FailOn::Fail)));
    assert_eq!(lines.len(), 10);
    assert_eq!(lines[9], ["end", "14", "1..9", "bad"], "no parse errors behind it");
    let lines = read(&rendered(&hostile_report(FailOn::Fail)).replace("not ok", "ok"));
    assert_eq!(lines[9][3], "good");
}

#[test]
fn todo_is_for_what_is_expected_and_for_what_is_not_counted() {
    let lines = read(&rendered(&hostile_report(FailOn::Fail)));
    let workaround = format!("workaround {HOSTILE_LINE}");
    assert_eq!(result(&lines, "probe-known"), ["not ok", "good", "TODO", workaround.as_str()]);
    assert_eq!(result(&lines, "probe-relaxable")[..3], ["ok", "good", "TODO"]);
    let accepted = format!("finding {HOSTILE_LINE}");
    assert_eq!(result(&lines, "probe-waived"), ["not ok", "good", "TODO", accepted.as_str()]);
    let not_counted = "warn, which --fail-on fail does not count";
    assert_eq!(result(&lines, "probe-warn"), ["not ok", "good", "TODO", not_counted]);
    assert_eq!(result(&lines, "probe-regressed")[..3], ["not ok", "good", "TODO"]);
    let summary = format!("summary {HOSTILE_LINE}");
    assert_eq!(result(&lines, "probe-skipped"), ["ok", "good", "SKIP", summary.as_str()]);
    for bad in ["probe-fail", "probe-unmeasured"] {
        assert_eq!(result(&lines, bad), ["not ok", "bad", "-", ""]);
    }
    assert_eq!(result(&lines, "probe-ok"), ["ok", "good", "-", ""]);
    let gate = read(&rendered(&hostile_report(FailOn::Change)));
    for bad in ["probe-regressed", "probe-relaxable", "probe-warn"] {
        assert_eq!(result(&gate, bad), ["not ok", "bad", "-", ""]);
    }
}

#[test]
fn diagnostics_are_yaml_that_gives_every_character_back() {
    let report = hostile_report(FailOn::Fail);
    let blocks = python("tap_yaml.py", &[], &rendered(&report));
    let blocks = blocks.as_array().unwrap();
    assert_eq!(blocks.len(), report.probes.len());
    for (block, probe) in blocks.iter().zip(&report.probes) {
        assert_eq!(block["message"], format!("summary {HOSTILE}"));
        assert_eq!(block["verdict"], probe.verdict.name());
        assert_eq!(block["group"], "group");
        assert_eq!(block["seconds"], 0.021);
        assert_eq!(block["fix"].as_array().map_or(0, Vec::len), probe.fix.len());
        assert_eq!(block["measured_by"].as_array().map_or(0, Vec::len), probe.evidence.len());
    }
    assert_eq!(blocks[0]["fix"][0], format!("fix '{HOSTILE}'"));
    assert_eq!(blocks[0]["facts"]["fact"], "measured");
}

#[test]
fn prove_runs_the_doctor_and_agrees_with_its_exit_status() {
    let dir = TempDir::new().unwrap();
    let script = dir.path().join("host.t");
    let doctor = env!("CARGO_BIN_EXE_doctor");
    fs::write(&script, format!("#!/bin/sh\nexec {doctor} check --format tap \"$@\"\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let prove = reader("root/usr/bin/prove");
    for args in [["session", "--fail-on=fail"], ["linger", "--fail-on=never"]] {
        let plain = Command::new(&script).args(args).output().unwrap();
        let proved = perl().args([&prove, &script]).arg("::").args(args).output().unwrap();
        assert_eq!(proved.status.success(), plain.status.success(), "{}", shown(&proved));
        let text = String::from_utf8_lossy(&proved.stdout);
        assert!(!text.contains("Parse errors"), "{text}");
    }
}

#[test]
fn a_run_of_nothing_is_a_plan_of_nothing() {
    let run =
        doctor().args(["check", "lock", "--skip", "lock", "--format", "tap"]).assert().code(4);
    let lines = read(&String::from_utf8(run.get_output().stdout.clone()).unwrap());
    assert_eq!(lines, [["end", "14", "1..0", "good"]]);
}
