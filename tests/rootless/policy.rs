//! The policy: what is accepted, until when and why, and whose policy is obeyed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use tempfile::TempDir;

const WAIVER: &str = r#"
[[waiver]]
probe = "scope-availability"
reason = "agents are not wrapped here yet"
until = 2999-12-31
"#;

/// Checks from a directory with a policy whether a scope can be started. It cannot, as PATH is empty.
fn check(policy: &str, args: &[&str]) -> Assert {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("doctor.toml"), policy).unwrap();
    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    Command::new(env!("CARGO_BIN_EXE_doctor"))
        .current_dir(dir.path())
        .env("PATH", empty)
        .env_remove("GC_AGENT_SLICE")
        .args(["check", "scope-availability"])
        .args(args)
        .assert()
}

/// Checks as `check` does, from a directory with a policy that is first changed by `prepare`.
fn check_prepared(prepare: impl Fn(&Path), args: &[&str]) -> Assert {
    let dir = TempDir::new().unwrap();
    let policy = dir.path().join("doctor.toml");
    fs::write(&policy, WAIVER).unwrap();
    prepare(&policy);
    Command::new(env!("CARGO_BIN_EXE_doctor"))
        .current_dir(dir.path())
        .env("PATH", dir.path())
        .env_remove("GC_AGENT_SLICE")
        .args(["check", "scope-availability"])
        .args(args)
        .assert()
}

#[test]
fn a_policy_that_others_may_write_is_ignored_and_the_report_says_so() {
    let writable = |policy: &Path| {
        fs::set_permissions(policy, fs::Permissions::from_mode(0o666)).unwrap();
    };
    check_prepared(writable, &[])
        .code(1)
        .stdout(contains("1 fail"))
        .stdout(contains("./doctor.toml is ignored: others may write to it"));
    let report = check_prepared(writable, &["--format", "json"]).code(1);
    let report: serde_json::Value = serde_json::from_slice(&report.get_output().stdout).unwrap();
    assert!(report["policy"]["ignored"].is_string() && report["policy"]["file"].is_null());
    check_prepared(writable, &["--config", "doctor.toml"]).code(0);
}

/// Only root can give a file away.
#[test]
fn a_policy_of_another_user_is_ignored_and_the_report_says_so() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("NOT RUN: only root can give a file to another user; ci/test as root does");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "CI runs the tests as root");
        return;
    }
    let given_away = |policy: &Path| nix::unistd::chown(policy, Some(1234.into()), None).unwrap();
    check_prepared(given_away, &[])
        .code(1)
        .stdout(contains("./doctor.toml is ignored: it belongs to user ID 1234"));
}

#[test]
fn without_a_waiver_the_finding_counts() {
    check("", &[]).code(1).stdout(contains("1 failed in"));
}

#[test]
fn a_waived_finding_stays_in_the_report_and_counts_no_more() {
    check(WAIVER, &[])
        .code(0)
        .stdout(contains("○ scope-availability"))
        .stdout(predicates::function::function(|text: &str| {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            words.contains("Accepted until 2999-12-31: agents are not wrapped here yet")
        }))
        .stdout(contains("1 waived in"));
}

#[test]
fn an_expired_waiver_counts_no_more_and_says_so() {
    check(&WAIVER.replace("2999", "2020"), &[])
        .code(1)
        .stdout(contains("the waiver for scope-availability expired on 2020-12-31"));
}

#[test]
fn a_waiver_that_accepts_nothing_is_reported() {
    check(&format!("{WAIVER}fact = \"landed\"\n"), &[])
        .code(1)
        .stdout(contains("the waiver for scope-availability (landed) accepts nothing here"));
}

#[test]
fn a_severity_outweighs_the_cards() {
    check("[severity]\nscope-availability = \"warn\"\n", &[])
        .code(0)
        .stdout(contains("1 warning in"));
    check("[severity]\nscope-availability = \"warn\"\n", &["--fail-on", "warn"]).code(1);
}

#[test]
fn what_the_policy_skips_is_examined_if_it_is_named() {
    check("skip = [\"scope\"]\n", &[]).code(1);
}

#[test]
fn a_mistake_is_shown_with_line_and_column_and_nothing_runs() {
    check(&WAIVER.replace("scope-availability", "scope-availabilty"), &[])
        .code(2)
        .stdout("")
        .stderr(contains("doctor.toml: mistake at line 3, column 9"))
        .stderr(contains("^^^^"));
    check(&WAIVER.replace("2999-12-31", "2999-02-30"), &[])
        .code(2)
        .stdout("")
        .stderr(contains("line 5"));
}

#[test]
fn a_policy_that_is_named_must_be_there() {
    check("", &["--config", "other.toml"])
        .code(2)
        .stdout("")
        .stderr(contains("cannot read the policy other.toml"));
}

/// A `flock` that hangs once, and is the real one from then on.
const FLOCK_THAT_HANGS_ONCE: &str = r#"#!/bin/sh
[ "$1" = --version ] || mkdir "$0.hung" 2>/dev/null && [ "$1" != --version ] && exec sleep 86399
PATH=${PATH#*:} exec flock "$@"
"#;

#[test]
fn what_gave_no_answer_is_tried_again_as_often_as_allowed_and_the_report_says_so() {
    let dir = TempDir::new().unwrap();
    let flock = dir.path().join("flock");
    let check = |retries: &str| {
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        fs::write(&flock, FLOCK_THAT_HANGS_ONCE).unwrap();
        fs::set_permissions(&flock, fs::Permissions::from_mode(0o755)).unwrap();
        let _ = fs::remove_dir(Path::new(&dir.path().join("flock.hung")));
        Command::new(env!("CARGO_BIN_EXE_doctor"))
            .env("PATH", path)
            .args(["check", "flock-order", "--timeout", "2", "--retries", retries])
            .assert()
    };
    check("0").code(3).stdout(contains("1 unmeasured in"));
    check("1").code(0).stdout(contains("(2 attempts)"));
}

#[test]
fn a_mistake_is_shown_without_what_a_terminal_would_obey() {
    check("skip = [\"\u{1b}]0;owned\u{7}\"]\n", &[])
        .code(2)
        .stderr(contains("\\u{1b}]0;owned\\u{7}"))
        .stderr(contains('\u{1b}').not());
}

#[test]
fn a_pipe_in_the_place_of_a_policy_is_not_waited_for() {
    let dir = TempDir::new().unwrap();
    mkfifo(&dir.path().join("doctor.toml"), Mode::S_IRWXU).unwrap();
    Command::new(env!("CARGO_BIN_EXE_doctor"))
        .current_dir(dir.path())
        .arg("check")
        .timeout(Duration::from_secs(20))
        .assert()
        .code(2)
        .stderr("doctor: cannot read the policy doctor.toml: it is not a regular file\n");
}
