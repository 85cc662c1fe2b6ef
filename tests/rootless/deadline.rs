//! `--deadline`: a run ends in time with a complete report, and leaves nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Programs that take the place of the host's, each with a fault.
struct Fakes(TempDir);

impl Fakes {
    fn new(programs: &[(&str, &str)]) -> Self {
        let fakes = Self(TempDir::new().unwrap());
        fs::create_dir(fakes.0.path().join("tmp")).unwrap();
        for (program, body) in programs {
            let path = fakes.0.path().join(program);
            fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        fakes
    }

    /// Runs the doctor, and returns its report, its exit status and its run time.
    fn check(&self, args: &[&str]) -> (Value, Option<i32>, Duration) {
        let path = format!("{}:{}", self.0.path().display(), std::env::var("PATH").unwrap());
        let started = Instant::now();
        let output = Command::new(env!("CARGO_BIN_EXE_doctor"))
            .args(["check", "--format", "json"])
            .args(args)
            .env("PATH", path)
            .env("TMPDIR", self.0.path().join("tmp"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        (serde_json::from_slice(&output.stdout).unwrap(), output.status.code(), started.elapsed())
    }

    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path().join("tmp")).unwrap().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

/// A flock that never gets its lock, and that prints its version.
const HANGING_FLOCK: &str = "[ \"$1\" = --version ] && exit 0\nexec sleep 86398";

#[test]
fn at_the_deadline_running_and_waiting_probes_are_unmeasured() {
    let fakes = Fakes::new(&[("flock", HANGING_FLOCK)]);
    let probes = ["flock-order", "flock-unlinked", "flock-inherited"];
    let args = [&probes[..], &["--jobs", "1", "--deadline", "1.5"]].concat();
    let (report, status, elapsed) = fakes.check(&args);
    assert_eq!(status, Some(3));
    for probe in report["probes"].as_array().unwrap() {
        assert_eq!(probe["verdict"], "unmeasured", "{probe}");
        assert_eq!(probe["reason"], "not reached before the deadline", "{probe}");
    }
    assert_eq!(report["probes"].as_array().unwrap().len(), probes.len());
    assert!(elapsed >= Duration::from_millis(1500), "{elapsed:?}");
    assert!(elapsed < Duration::from_millis(2500), "{elapsed:?}");
    assert_eq!(fakes.left(), [""; 0]);
}

#[test]
fn a_run_that_is_over_before_the_deadline_is_not_affected_by_it() {
    let (report, _, elapsed) = Fakes::new(&[]).check(&["git-env-leak", "--deadline", "3600"]);
    assert_ne!(report["probes"][0]["verdict"], "unmeasured", "{report}");
    assert!(elapsed < Duration::from_secs(30), "{elapsed:?}");
}

/// A systemctl that answers, as far as clean-up asks.
const SYSTEMCTL: &str = r#"case "$*" in
*list-units*) echo "-.slice loaded active active Root Slice" ;;
*--version*) echo "systemd 257 (257.1)" ;;
*show*) echo Version=257.1; echo NNames=200 ;;
esac"#;

#[test]
fn a_systemd_run_that_hangs_is_named_and_its_probes_are_not_started() {
    let fakes = Fakes::new(&[
        ("systemctl", SYSTEMCTL),
        ("busctl", "exit 0"),
        ("systemd-run", "exec sleep 86398"),
    ]);
    let args = ["launcher", "--skip", "unit-file-env", "--skip", "caller-sandbox", "--jobs", "2"];
    let (report, status, elapsed) = fakes.check(&args);
    assert_eq!(status, Some(3), "{report}");
    let probes = report["probes"].as_array().unwrap();
    for probe in probes {
        let reason = probe["reason"].as_str().unwrap();
        assert!(reason.starts_with("systemd-run does not answer: "), "{probe}");
        assert!(reason.ends_with("; the user manager answers"), "{probe}");
    }
    // The others wait for launch-surroundings, which hangs.
    let started = probes.iter().filter(|probe| probe["seconds"].as_f64() > Some(0.0));
    let started: Vec<_> = started.map(|probe| &probe["id"]).collect();
    assert_eq!(started, ["launch-surroundings"], "{report}");
    assert!(elapsed < Duration::from_secs(8), "{elapsed:?}");
    assert_eq!(fakes.left(), [""; 0]);
}

#[test]
fn a_manager_that_hangs_is_named_and_its_probes_are_not_started() {
    let systemctl = format!("case \"$*\" in *show*) exec sleep 86398 ;; esac\n{SYSTEMCTL}");
    let fakes = Fakes::new(&[("systemctl", &systemctl), ("busctl", "exit 0")]);
    let (report, status, elapsed) =
        fakes.check(&["launcher", "slice-name", "--skip", "caller-sandbox"]);
    assert_eq!(status, Some(3), "{report}");
    for probe in report["probes"].as_array().unwrap() {
        let reason = probe["reason"].as_str().unwrap();
        assert!(reason.starts_with("the user manager does not answer: "), "{probe}");
        assert_eq!(probe["seconds"], 0.0, "{probe}");
    }
    assert!(elapsed < Duration::from_secs(8), "{elapsed:?}");
}

fn doctor(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_doctor"))
        .args(args)
        .current_dir(Path::new("/"))
        .output()
        .unwrap()
}

#[test]
fn a_deadline_that_leaves_no_time_for_clean_up_is_wrong_usage() {
    let output = doctor(&["check", "--deadline", "0.9"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("clean-up may take 1 s, so the deadline is at least 1"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn a_kind_selects_probes_beside_ids_and_groups() {
    let output = doctor(&["check", "lock", "--kind", "check", "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let probes = report["probes"].as_array().unwrap();
    assert!(!probes.is_empty());
    assert!(probes.iter().all(|it| it["kind"] == "check" && it["group"] == "lock"), "{report}");
}

#[test]
fn an_id_of_the_other_kind_is_wrong_usage() {
    for (id, kind, message) in [
        ("pull-race", "check", "pull-race is a behaviour, and --kind check was given"),
        ("linger", "behaviour", "linger is a check, and --kind behaviour was given"),
    ] {
        let output = doctor(&["check", id, "--kind", kind]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(String::from_utf8_lossy(&output.stderr), format!("doctor: {message}\n"));
        assert_eq!(output.stdout, b"");
    }
}
