//! The exit status, row by row of docs/exit-status.md, on which pipelines, timers and monitoring systems act.

use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rstest::rstest;
use tempfile::TempDir;

/// Shell functions that a script may put before the doctor.
const WORDS: &str = include_str!("exit_status.sh");

fn here(script: &str) -> Output {
    let dir = TempDir::new().unwrap();
    let doctor = Path::new(env!("CARGO_BIN_EXE_doctor")).parent().unwrap();
    let path = format!("{}:{}", doctor.display(), env::var("PATH").unwrap());
    Command::new("sh")
        .args(["-c", &format!("{WORDS}\n{script}")])
        .current_dir(&dir)
        .env("PATH", path)
        .env_remove("GC_AGENT_SLICE")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[rstest]
// 0: nothing at or above --fail-on.
#[case::nothing_is_wrong("doctor check flock-order", 0, "1 ok")]
#[case::what_is_skipped("doctor check stale-git-state", 0, "1 skipped")]
#[case::a_warning_below_the_level("GIT_DIR=/x doctor check git-env-leak", 0, "1 warn")]
#[case::a_change_below_the_level("pretending doctor check flock-order", 0, "1 regressed")]
#[case::never("bare doctor check scope-availability --fail-on never", 0, "1 fail")]
#[case::no_difference("doctor record flock-order -o a; doctor diff a a", 0, "")]
#[case::help("doctor --help", 0, "Exit status:")]
// 1: findings.
#[case::a_warning_that_counts("GIT_DIR=/x doctor check git-env-leak --fail-on warn", 1, "1 warn")]
#[case::a_change_that_counts(
    "pretending doctor check flock-order --fail-on change",
    1,
    "1 regressed"
)]
#[case::a_difference(
    "doctor record flock-order -o a; sed s/arrival/other/ a >b; doctor diff a b",
    1,
    "order"
)]
// 1: any change, at the gate.
#[case::regressed_against_the_cards("pretending doctor gate flock-order", 1, "1 regressed")]
// 2: the command line is wrong.
#[case::an_option("doctor --formt json", 2, "unexpected argument '--formt'")]
#[case::a_command("doctor chekc", 2, "unrecognized subcommand 'chekc'")]
#[case::a_value("doctor --fail-on x", 2, "invalid value 'x' for '--fail-on")]
#[case::a_number("doctor --jobs 0", 2, "invalid value '0' for '--jobs")]
#[case::a_probe("doctor check no-such", 2, "there is no probe or group `no-such`")]
#[case::a_probe_to_skip("doctor --skip no-such", 2, "there is no probe or group `no-such`")]
#[case::a_probe_to_explain("doctor explain no-such", 2, "there is no probe")]
#[case::a_work_tree("doctor --repo /no/such", 2, "cannot examine --repo /no/such")]
#[case::one_place_for_two_reports(
    "doctor --format json --format tap",
    2,
    "two reports cannot both go to standard output"
)]
#[case::one_file_for_two_formats(
    "doctor --format json --format tap --output x",
    2,
    "--output goes with a single --format"
)]
#[case::a_record_that_is_missing("doctor gate --against x", 2, "cannot read the record x")]
#[case::a_record_that_is_none(": >x; doctor gate --against x", 2, "x is not a record")]
#[case::a_record_to_compare("doctor diff x y", 2, "x: No such file")]
// 2: the configuration is wrong.
#[case::a_policy_that_is_missing("doctor --config x", 2, "cannot read the policy x")]
#[case::a_policy_that_is_no_toml("echo { >doctor.toml; doctor", 2, "doctor.toml: TOML parse error")]
#[case::a_policy_with_an_unknown_key("echo a = 1 >doctor.toml; doctor", 2, "`a`")]
#[case::a_waiver_without_a_reason(
    "printf '[[waiver]]\nprobe = \"linger\"\nuntil = 2999-01-01\n' >doctor.toml; doctor",
    2,
    "reason"
)]
// 2: the report could not be written, whatever the verdict.
#[case::a_full_disk("doctor check flock-order >/dev/full", 2, TO_STDOUT)]
#[case::a_full_disk_behind_a_device(
    "doctor check flock-order --output /dev/full",
    2,
    "cannot write the report to /dev/full"
)]
#[case::a_closed_output("doctor check flock-order >&-", 2, TO_STDOUT)]
#[case::a_reader_that_hangs_up(
    "{ doctor check flock-order; echo $? >status; } | :; exit $(cat status)",
    2,
    TO_STDOUT
)]
#[case::no_directory(
    "doctor check flock-order --output no/report",
    2,
    "cannot write the report to no/report"
)]
#[case::a_failure_that_could_not_be_shown(
    "bare doctor check scope-availability >/dev/full",
    2,
    TO_STDOUT
)]
#[case::at_the_gate("doctor gate flock-order >/dev/full", 2, TO_STDOUT)]
#[case::a_record("doctor record flock-order -o /dev/full", 2, "No space left on device")]
#[case::a_list("doctor list >/dev/full", 2, TO_STDOUT)]
#[case::the_help("doctor --help >/dev/full", 2, "")]
// 3: no findings, but something is unmeasured.
#[case::no_answer_beside_one(
    "hanging doctor check flock-order stale-git-state --timeout 1",
    3,
    "1 unmeasured, 1 skipped"
)]
#[case::no_answer_at_the_gate("hanging doctor gate flock-order --timeout 1", 3, "1 unmeasured")]
#[case::no_answer_for_a_record(
    "hanging doctor record flock-order --timeout 1",
    3,
    r#"without-facts = ["flock-order"]"#
)]
// 4: nothing was selected.
#[case::nothing("doctor check lock --skip lock", 4, "")]
#[case::nothing_at_the_gate("doctor gate lock --skip lock", 4, "")]
#[case::nothing_to_record("doctor record lock --skip lock", 4, "")]
// 130: interrupted.
#[case::sigint("ended_by INT doctor check flock-order", 130, "")]
#[case::sigterm("ended_by TERM doctor check flock-order", 130, "")]
#[case::sighup("ended_by HUP doctor check flock-order", 130, "")]
#[case::sigint_at_the_gate("ended_by INT doctor gate flock-order", 130, "")]
#[case::sigint_while_recording("ended_by INT doctor record flock-order", 130, "")]
// --format nagios: the state of a monitoring plugin.
#[case::plugin_ok("doctor check flock-order --format nagios", 0, "DOCTOR OK: 1 ok")]
#[case::plugin_warning(
    "GIT_DIR=/x doctor check git-env-leak --format nagios",
    1,
    "DOCTOR WARNING: warn git-env-leak"
)]
#[case::plugin_warning_of_a_change(
    "pretending doctor check flock-order --format nagios",
    1,
    "DOCTOR WARNING: regressed flock-order"
)]
#[case::plugin_unknown(
    "hanging doctor check flock-order --format nagios --timeout 1",
    3,
    "DOCTOR UNKNOWN: unmeasured flock-order"
)]
#[case::plugin_interrupted(
    "ended_by TERM doctor check flock-order --format nagios",
    3,
    "DOCTOR UNKNOWN: a signal ended the run"
)]
fn the_status_says_how_a_run_ended(#[case] script: &str, #[case] status: i32, #[case] shown: &str) {
    let output = here(script);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{script}\n{stdout}\n{stderr}");
    // So that it is that status for this reason.
    assert!(stdout.contains(shown) || stderr.contains(shown), "no {shown} in {stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    match status {
        2 if shown == TO_STDOUT => assert_eq!(stderr.lines().count(), 1, "{stderr}"),
        130 => assert_eq!(stdout, ""),
        _ => {}
    }
}

/// The message about a report that could not be written to standard output.
const TO_STDOUT: &str = "doctor: cannot write the report to standard output";
