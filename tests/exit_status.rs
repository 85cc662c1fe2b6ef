//! The exit status, row by row of docs/exit-status.md: what a pipeline, a timer or a monitoring system
//! acts on.

mod lab;

use std::env;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use Place::{Agent, Here, Root};
use lab::Machine;
use lab::Release::*;
use rstest::rstest;
use tempfile::TempDir;

/// Where a script runs.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In an empty directory of this host, as it is.
    Here,
    /// At home on a fresh machine with real systemd, by a user who does not linger.
    Agent,
    /// On such a machine as root.
    Root,
}

/// What a script may put before the doctor.
const WORDS: &str = r#"
instead_of_flock() {
    mkdir bin
    printf '#!/bin/sh\n[ "$1" != --version ] || exec echo flock from util-linux 2.41\n%s\n' "$1" >bin/flock
    chmod +x bin/flock
    PATH=$PWD/bin:$PATH
}
# The probe of flock-order gives no answer.
hanging() { instead_of_flock 'exec tail -f /dev/null'; "$@"; }
# A component behaves otherwise than recorded: workers on one lock overlap.
pretending() { instead_of_flock :; "$@"; }
# A signal comes in the middle of a probe.
ended_by() { instead_of_flock "kill -s $1 $$; exec tail -f /dev/null"; shift; exec "$@"; }
# There is no program in PATH, so that no scope can be started.
bare() { program=$(command -v "$1"); shift; PATH=/nowhere "$program" "$@"; }
"#;

impl Place {
    fn run(self, script: &str) -> Output {
        let user = match self {
            Here => return here(script),
            Agent => "agent",
            Root => "root",
        };
        let machine = Machine::boot(Debian13);
        machine.run_as(user, &["sh", "-c", &format!("cd\n{WORDS}\n{script}")])
    }
}

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
#[case::nothing_is_wrong(Here, "doctor check flock-order", 0, "1 ok")]
#[case::what_is_skipped(Here, "doctor check stale-git-state", 0, "1 skipped")]
#[case::a_warning_below_the_level(Here, "GIT_DIR=/x doctor check git-env-leak", 0, "1 warn")]
#[case::a_change_below_the_level(Here, "pretending doctor check flock-order", 0, "1 regressed")]
#[case::never(Here, "bare doctor check scope-availability --fail-on never", 0, "1 fail")]
#[case::a_good_host_in_the_lab(Agent, "loginctl enable-linger; doctor check", 0, "linger")]
#[case::a_good_host_at_the_gate_in_the_lab(
    Agent,
    "loginctl enable-linger; doctor gate",
    0,
    "linger"
)]
#[case::the_set_up_at_the_gate_in_the_lab(Agent, "doctor gate linger", 0, "linger")]
#[case::no_difference(Here, "doctor record flock-order -o a; doctor diff a a", 0, "")]
#[case::help(Here, "doctor --help", 0, "Exit status: 0")]
// 1: findings.
#[case::a_failure_in_the_lab(Agent, "doctor check linger", 1, "1 fail")]
#[case::no_command_is_a_check_in_the_lab(Agent, "doctor", 1, "1 fail")]
#[case::a_warning_that_counts(
    Here,
    "GIT_DIR=/x doctor check git-env-leak --fail-on warn",
    1,
    "1 warn"
)]
#[case::a_change_that_counts(
    Here,
    "pretending doctor check flock-order --fail-on change",
    1,
    "1 regressed"
)]
#[case::a_failure_outweighs_what_is_unmeasured_in_the_lab(
    Agent,
    "hanging doctor check linger flock-order --timeout 1",
    1,
    "1 fail, 1 unmeasured"
)]
#[case::a_difference(
    Here,
    "doctor record flock-order -o a; sed s/arrival/other/ a >b; doctor diff a b",
    1,
    "order"
)]
// 1: any change, at the gate.
#[case::relaxable_in_the_lab(
    Agent,
    "doctor record env-block-spaces -o record; sed -i '/^quoted-value/s/delivered/rejected/' record
     doctor gate env-block-spaces --against record",
    1,
    "1 relaxable"
)]
#[case::regressed_in_the_lab(
    Agent,
    "doctor record env-block-spaces -o record; sed -i '/^spaces/s/rejected/delivered/' record
     doctor gate env-block-spaces --against record",
    1,
    "1 regressed"
)]
#[case::regressed_against_the_cards(Here, "pretending doctor gate flock-order", 1, "1 regressed")]
// 2: the command line is wrong.
#[case::an_option(Here, "doctor --formt json", 2, "unexpected argument '--formt'")]
#[case::a_command(Here, "doctor chekc", 2, "unrecognized subcommand 'chekc'")]
#[case::a_value(Here, "doctor --fail-on x", 2, "invalid value 'x' for '--fail-on")]
#[case::a_number(Here, "doctor --jobs 0", 2, "invalid value '0' for '--jobs")]
#[case::a_probe(Here, "doctor check no-such", 2, "there is no probe or group `no-such`")]
#[case::a_probe_to_skip(Here, "doctor --skip no-such", 2, "there is no probe or group `no-such`")]
#[case::a_probe_to_explain(Here, "doctor explain no-such", 2, "there is no probe")]
#[case::a_work_tree(Here, "doctor --repo /no/such", 2, "cannot examine --repo /no/such")]
#[case::one_place_for_two_reports(
    Here,
    "doctor --format json --format tap",
    2,
    "two reports cannot both go to standard output"
)]
#[case::one_file_for_two_formats(
    Here,
    "doctor --format json --format tap --output x",
    2,
    "--output goes with a single --format"
)]
#[case::a_record_that_is_missing(Here, "doctor gate --against x", 2, "cannot read the record x")]
#[case::a_record_that_is_none(Here, ": >x; doctor gate --against x", 2, "x is not a record")]
#[case::a_record_to_compare(Here, "doctor diff x y", 2, "x: No such file")]
// 2: the configuration is wrong.
#[case::a_policy_that_is_missing(Here, "doctor --config x", 2, "cannot read the policy x")]
#[case::a_policy_that_is_no_toml(
    Here,
    "echo { >doctor.toml; doctor",
    2,
    "doctor.toml: TOML parse error"
)]
#[case::a_policy_with_an_unknown_key(Here, "echo a = 1 >doctor.toml; doctor", 2, "`a`")]
#[case::a_waiver_without_a_reason(
    Here,
    "printf '[[waiver]]\nprobe = \"linger\"\nuntil = 2999-01-01\n' >doctor.toml; doctor",
    2,
    "reason"
)]
// 2: the report could not be written, whatever the verdict.
#[case::a_full_disk(Here, "doctor check flock-order >/dev/full", 2, TO_STDOUT)]
#[case::a_full_disk_behind_a_file_in_the_lab(
    Root,
    "mkdir full; mount -t tmpfs -o size=4k tmpfs full; head -c 4096 /dev/zero >full/rest
     doctor check flock-order --output full/report; status=$?; ls full; exit $status",
    2,
    "No space left on device"
)]
#[case::a_full_disk_behind_a_device(
    Here,
    "doctor check flock-order --output /dev/full",
    2,
    "cannot write the report to /dev/full"
)]
#[case::a_closed_output(Here, "doctor check flock-order >&-", 2, TO_STDOUT)]
#[case::a_reader_that_hangs_up(
    Here,
    "{ doctor check flock-order; echo $? >status; } | :; exit $(cat status)",
    2,
    TO_STDOUT
)]
#[case::no_directory(
    Here,
    "doctor check flock-order --output no/report",
    2,
    "cannot write the report to no/report"
)]
#[case::a_directory_that_may_not_be_written_in_the_lab(
    Agent,
    "doctor check flock-order --output /usr/report",
    2,
    "Permission denied"
)]
#[case::a_failure_that_could_not_be_told(
    Here,
    "bare doctor check scope-availability >/dev/full",
    2,
    TO_STDOUT
)]
#[case::at_the_gate(Here, "doctor gate flock-order >/dev/full", 2, TO_STDOUT)]
#[case::a_record(Here, "doctor record flock-order -o /dev/full", 2, "No space left on device")]
#[case::a_list(Here, "doctor list >/dev/full", 2, TO_STDOUT)]
#[case::the_help(Here, "doctor --help >/dev/full", 2, "")]
// 3: no findings, but something is unmeasured.
#[case::no_answer_in_the_lab(
    Agent,
    "doctor check env-block-spaces --timeout 0.001",
    3,
    "1 unmeasured"
)]
#[case::no_answer_beside_one(
    Here,
    "hanging doctor check flock-order stale-git-state --timeout 1",
    3,
    "1 unmeasured, 1 skipped"
)]
#[case::no_answer_at_the_gate(
    Here,
    "hanging doctor gate flock-order --timeout 1",
    3,
    "1 unmeasured"
)]
#[case::no_answer_for_a_record(
    Here,
    "hanging doctor record flock-order --timeout 1",
    3,
    r#"without-facts = ["flock-order"]"#
)]
// 4: nothing was selected.
#[case::nothing(Here, "doctor check lock --skip lock", 4, "")]
#[case::nothing_at_the_gate(Here, "doctor gate lock --skip lock", 4, "")]
#[case::nothing_to_record(Here, "doctor record lock --skip lock", 4, "")]
// 130: interrupted.
#[case::sigint(Here, "ended_by INT doctor check flock-order", 130, "")]
#[case::sigterm(Here, "ended_by TERM doctor check flock-order", 130, "")]
#[case::sighup(Here, "ended_by HUP doctor check flock-order", 130, "")]
#[case::sigint_at_the_gate(Here, "ended_by INT doctor gate flock-order", 130, "")]
#[case::sigint_while_recording(Here, "ended_by INT doctor record flock-order", 130, "")]
#[case::sigint_amid_all_in_the_lab(Agent, "ended_by INT doctor", 130, "")]
// --format nagios: the state of a monitoring plugin.
#[case::plugin_ok(Here, "doctor check flock-order --format nagios", 0, "DOCTOR OK: 1 ok")]
#[case::plugin_warning(
    Here,
    "GIT_DIR=/x doctor check git-env-leak --format nagios",
    1,
    "DOCTOR WARNING: warn git-env-leak"
)]
#[case::plugin_warning_of_a_change(
    Here,
    "pretending doctor check flock-order --format nagios",
    1,
    "DOCTOR WARNING: regressed flock-order"
)]
#[case::plugin_critical_in_the_lab(
    Agent,
    "doctor check linger --format nagios",
    2,
    "DOCTOR CRITICAL: fail linger"
)]
#[case::plugin_unknown(
    Here,
    "hanging doctor check flock-order --format nagios --timeout 1",
    3,
    "DOCTOR UNKNOWN: unmeasured flock-order"
)]
#[case::plugin_interrupted(
    Here,
    "ended_by TERM doctor check flock-order --format nagios",
    3,
    "DOCTOR UNKNOWN: a signal ended the run"
)]
fn the_status_says_what_became_of_a_run(
    #[case] place: Place,
    #[case] script: &str,
    #[case] status: i32,
    #[case] told: &str,
) {
    let output = place.run(script);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{script}\n{stdout}\n{stderr}");
    // So that it is that status for this reason.
    assert!(stdout.contains(told) || stderr.contains(told), "no {told} in {stdout}\n{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
    match status {
        2 if told == TO_STDOUT => assert_eq!(stderr.lines().count(), 1, "{stderr}"),
        130 => assert_eq!(stdout, ""),
        _ => {}
    }
}

/// What is told of a report that standard output does not take.
const TO_STDOUT: &str = "doctor: cannot write the report to standard output";
