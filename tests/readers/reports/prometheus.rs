use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, render};
use tempfile::TempDir;

use super::doctor;
use super::fixture::{hostile_report, sample_report};
use super::report_readers::{fed, reader, shown, try_fed};

fn promtool() -> Command {
    let mut promtool = Command::new(reader("root/usr/bin/promtool"));
    promtool.args(["check", "metrics"]);
    promtool
}

#[test]
fn promtool_finds_nothing_to_say() {
    for report in [hostile_report(FailOn::Fail), sample_report()] {
        let output = fed(&mut promtool(), &render(&report, Format::Prometheus, 80));
        assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", shown(&output));
    }
    let nothing = ["check", "lock", "--skip", "lock", "--format", "prometheus"];
    let run = doctor().args(nothing).assert().code(4);
    fed(&mut promtool(), std::str::from_utf8(&run.get_output().stdout).unwrap());
}

#[test]
fn promtool_sees_what_is_wrong() {
    let text = render(&sample_report(), Format::Prometheus, 80);
    let broken = text.replace("# HELP launch_doctor_probes ", "# HELP other ");
    assert!(!try_fed(&mut promtool(), &broken).status.success());
}

/// The file that was there is not written into: a reader that has it open reads it to its end.
#[test]
fn a_file_is_renamed_into_its_place() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("doctor.prom");
    let before = dir.path().join("before");
    fs::write(&file, "before").unwrap();
    fs::hard_link(&file, &before).unwrap();
    doctor()
        .args(["check", "linger", "--fail-on", "never"])
        .arg(format!("--format=prometheus={}", file.display()))
        .assert()
        .code(0)
        .stdout("");
    assert_eq!(fs::read_to_string(&before).unwrap(), "before");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.ends_with('\n') && text.contains("launch_doctor_exit_status 0\n"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o444, 0o444, "the exporter may read it");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing else is left");
}
