//! The exit status on real systemd; `tests/rootless/exit_status.rs` has the rest of the table.

use rstest::rstest;

use crate::lab::Machine;
use crate::lab::Release::*;

/// Shell functions that a script may put before the doctor.
const WORDS: &str = include_str!("../rootless/exit_status.sh");

#[rstest]
#[case::a_good_host("agent", "loginctl enable-linger; doctor check", 0, "checks passed")]
#[case::a_good_host_at_the_gate("agent", "loginctl enable-linger; doctor gate", 0, "no findings")]
#[case::the_set_up_at_the_gate("agent", "doctor gate linger", 0, "linger")]
#[case::a_failure("agent", "doctor check linger", 1, "1 fail")]
#[case::no_command_is_a_check("agent", "doctor", 1, "1 fail")]
#[case::a_failure_outweighs_what_is_unmeasured(
    "agent",
    "hanging doctor check linger flock-order --timeout 1",
    1,
    "1 failed, 1 unmeasured"
)]
#[case::relaxable(
    "agent",
    "doctor record scope-name -o record; sed -i '/^pattern = /s/process-id/random/' record
     doctor gate scope-name --against record",
    1,
    "1 relaxable"
)]
#[case::regressed(
    "agent",
    "doctor record env-block-spaces -o record; sed -i '/^spaces/s/rejected/delivered/' record
     doctor gate env-block-spaces --against record",
    1,
    "1 regressed"
)]
#[case::a_full_disk_behind_a_file(
    "root",
    "mkdir full; mount -t tmpfs -o size=4k tmpfs full; head -c 4096 /dev/zero >full/rest
     doctor check flock-order --output full/report; status=$?; ls full; exit $status",
    2,
    "No space left on device"
)]
#[case::a_directory_that_may_not_be_written(
    "agent",
    "doctor check flock-order --output /usr/report",
    2,
    "Permission denied"
)]
#[case::no_answer("agent", "doctor check env-block-spaces --timeout 0.001", 3, "1 unmeasured")]
#[case::sigint_amid_all("agent", "ended_by INT doctor", 130, "")]
#[case::plugin_critical(
    "agent",
    "doctor check linger --format nagios",
    2,
    "DOCTOR CRITICAL: fail linger"
)]
fn the_exit_status_says_how_a_run_ended(
    #[case] user: &str,
    #[case] script: &str,
    #[case] status: i32,
    #[case] expected: &str,
) {
    let machine = Machine::boot(Debian13);
    let output = machine.run_as(user, &["sh", "-c", &format!("cd\n{WORDS}\n{script}")]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{script}\n{stdout}\n{stderr}");
    // The status has this reason and no other.
    assert!(
        stdout.contains(expected) || stderr.contains(expected),
        "no {expected} in {stdout}\n{stderr}"
    );
    assert!(!stderr.contains("panicked"), "{stderr}");
    match status {
        2 if expected == TO_STDOUT => assert_eq!(stderr.lines().count(), 1, "{stderr}"),
        130 => assert_eq!(stdout, ""),
        _ => {}
    }
}

/// The message for a report that could not be written to standard output.
const TO_STDOUT: &str = "doctor: cannot write the report to standard output";
