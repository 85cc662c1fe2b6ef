//! The lock: whom it lets in, and how long it lives.

use std::process::Command;

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};
use crate::{LEFT_BEHIND, REPOSITORY};

/// Facts of a lock that does what it is for.
const SERIALIZED: &[(&str, &str)] = &[
    ("two", "serialized"),
    ("six", "serialized"),
    ("unlocked", "overlapped"),
    ("order", "arrival"),
];

/// A script's beginning: `flock` does what `body` says instead.
fn instead_of_flock(body: &str) -> String {
    format!(
        "mkdir -p ~/bin; cat > ~/bin/flock <<'END'
#!/bin/sh
[ \"$1\" != --version ] || exec /usr/bin/flock --version
{body}
END
         chmod +x ~/bin/flock; PATH=~/bin:$PATH"
    )
}

fn here(args: &[&str]) -> Report {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_doctor"));
    let output = doctor.args(["check", "--format", "json"]).args(args).output();
    Report::read(&output.expect("the doctor starts"))
}

#[rstest]
fn workers_on_one_lock_never_overlap_and_are_served_in_order_of_arrival(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let places = [
        ("TMPDIR=/var/tmp exec \"$@\"".to_owned(), "overlay"),
        ("TMPDIR=/dev/shm exec \"$@\"".to_owned(), "tmpfs"),
        (format!("{REPOSITORY}; exec \"$@\" --repo repo"), "overlay"),
        ("cd; mkdir -p plain; exec \"$@\" --repo plain".to_owned(), "overlay"),
        ("git init -q /dev/shm/repo; exec \"$@\" --repo /dev/shm/repo".to_owned(), "tmpfs"),
    ];
    for (script, kind) in places {
        let report = machine.check_in(&script, &["flock-order"]);
        report.assert_facts("flock-order", SERIALIZED);
        assert_eq!(report.verdict("flock-order"), "ok");
        let summary = report.probe("flock-order")["summary"].as_str().unwrap();
        assert!(
            summary
                .contains("at most 1 of 2 and 1 of 6 workers were inside at once, without it 6;"),
            "{summary}"
        );
        assert!(summary.ends_with(&format!("on {kind}")), "{script}: {summary}");
    }
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");

    // A flock that only pretends is noticed, because nobody waits.
    let report =
        machine.check_in(&format!("{}; exec \"$@\"", instead_of_flock("exit 0")), &["flock-order"]);
    report.assert_facts("flock-order", &[("two", "overlapped"), ("six", "overlapped")]);
    assert_ne!(report.verdict("flock-order"), "ok");
}

#[test]
fn a_host_without_systemd_has_its_lock_measured() {
    let report = here(&["flock-order"]);
    report.assert_facts("flock-order", SERIALIZED);
}

#[test]
fn the_lock_lies_in_the_common_directory_of_a_linked_work_tree() {
    let machine = Machine::boot(Debian13);
    // The main work tree on tmpfs and the linked one on disk: the lock is where the objects are.
    let script = "git init -q /dev/shm/main; cd /dev/shm/main
        git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one
        git worktree add -q ~/linked; exec \"$@\" --repo ~/linked";
    let report = machine.check_in(script, &["flock-order"]);
    let summary = report.probe("flock-order")["summary"].as_str().unwrap();
    assert!(summary.ends_with("on tmpfs"), "{summary}");
}

#[test]
fn a_repository_that_may_not_be_written_is_unmeasured() {
    let machine = Machine::boot(Debian13);
    machine.script("root", "git init -q /srv/repo");
    let report = machine.check(&["flock-order", "--repo", "/srv/repo"]);
    assert_eq!(report.verdict("flock-order"), "unmeasured");
    let reason = report.probe("flock-order")["reason"].as_str().unwrap();
    assert!(reason.contains("/srv/repo/.git/") && reason.contains("Permission denied"), "{reason}");
    assert_eq!(report.status, 3);
}

#[test]
fn nothing_stays_in_the_repository_after_a_deadline_an_interrupt_or_a_kill() {
    let machine = Machine::boot(Debian13);
    let hang = instead_of_flock("exec tail -f /dev/null");
    let report = machine.check_in(
        &format!("{hang}; {REPOSITORY}; exec \"$@\" --repo repo --timeout 0.5"),
        &["flock-order"],
    );
    assert_eq!(report.verdict("flock-order"), "unmeasured");
    for signal in ["TERM", "KILL"] {
        let script = format!(
            "{hang}; cd; doctor check flock-order --repo repo > /dev/null & doctor=$!
             until ls repo/.git | grep -q launch_doctor_; do :; done
             kill -s {signal} $doctor; wait $doctor || true
             while ls repo/.git | grep -q launch_doctor_; do :; done"
        );
        machine.script("agent", &script);
    }
    // What a killed run left elsewhere goes with the next one.
    machine.check(&["flock-order"]);
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

#[rstest]
fn a_lock_lives_in_every_child_that_inherits_it_and_not_under_its_name(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["flock-inherited", "flock-unlinked"]);
    report.assert_facts(
        "flock-inherited",
        &[
            ("killed", "held"),
            ("ended", "held"),
            ("command", "held"),
            ("unlocked", "free"),
            ("closed-in-child", "free"),
            ("close-option", "free"),
            ("fdinfo", "names-the-child"),
            // The machine is a process-id namespace.
            ("proc-locks", "names-nobody"),
            ("lslocks", "names-nobody"),
        ],
    );
    report.assert_facts(
        "flock-unlinked",
        &[
            ("removed", "two-holders"),
            ("removed-at-end", "two-holders"),
            ("checked", "one-holder"),
            ("directory", "one-holder"),
        ],
    );
    for id in ["flock-inherited", "flock-unlinked"] {
        assert_eq!(report.verdict(id), "known");
        assert_ne!(report.fix(id), "");
    }
    // No child with the lock is left, and no file.
    assert_eq!(machine.script("agent", "ps -C sh -o args= | grep '[e]cho ready' || true"), "");
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

#[test]
fn outside_of_any_pid_namespace_proc_locks_names_a_process_that_has_ended() {
    let report = here(&["flock-inherited"]);
    // PROC_PID_INIT_INO in linux/proc_ns.h
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let is_initial = namespace.to_str() == Some("pid:[4026531836]");
    let named = if is_initial { "names-the-dead" } else { "names-nobody" };
    report.assert_facts("flock-inherited", &[("killed", "held"), ("proc-locks", named)]);
}
