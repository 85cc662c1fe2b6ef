//! The lock: which workers it lets in, and how long it is held.

use std::process::Command;

use super::{LEFT_BEHIND, REPOSITORY};
use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};

on_each_release!(workers_on_one_lock_never_overlap_and_get_it_in_order_of_arrival);
on_each_release!(a_child_keeps_an_inherited_lock_and_a_deleted_lock_file_lets_two_workers_in);

/// The facts of a lock that serializes.
const SERIALIZED: &[(&str, &str)] = &[
    ("two", "serialized"),
    ("six", "serialized"),
    ("unlocked", "overlapped"),
    ("order", "arrival"),
];

/// The beginning of a script in which `flock` runs `body` instead.
fn replace_flock(body: &str) -> String {
    format!(
        "mkdir -p ~/bin; cat > ~/bin/flock <<'END'
#!/bin/sh
[ \"$1\" != --version ] || exec /usr/bin/flock --version
{body}
END
         chmod +x ~/bin/flock; PATH=~/bin:$PATH"
    )
}

/// Runs doctor on this host.
fn check_here(args: &[&str]) -> Report {
    let mut doctor = Command::new(crate::lab::doctor());
    let output = doctor.args(["check", "--format", "json"]).args(args).output();
    Report::read(&output.expect("doctor starts"))
}

fn workers_on_one_lock_never_overlap_and_get_it_in_order_of_arrival(release: Release) {
    let machine = Machine::boot(release);
    let places = [
        ("TMPDIR=/var/tmp exec \"$@\"".to_owned(), "overlay"),
        ("TMPDIR=/dev/shm exec \"$@\"".to_owned(), "tmpfs"),
        (format!("{REPOSITORY}; exec \"$@\" --repo repo"), "overlay"),
        ("cd; mkdir -p plain; exec \"$@\" --repo plain".to_owned(), "overlay"),
        ("git init -q /dev/shm/repo; exec \"$@\" --repo /dev/shm/repo".to_owned(), "tmpfs"),
    ];
    for (script, file_system) in places {
        let report = machine.check_in(&script, &["flock-order"]);
        report.assert_facts("flock-order", SERIALIZED);
        assert_eq!(report.verdict("flock-order"), "ok");
        let summary = report.probe("flock-order")["summary"].as_str().unwrap();
        let expected = format!(
            "flock ran 2 and 6 workers one at a time, in order of arrival \
             (without it 6 overlapped); lock file on {file_system}"
        );
        assert_eq!(summary, expected, "{script}");
    }
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");

    // With a flock that does not lock, no worker waits.
    let report =
        machine.check_in(&format!("{}; exec \"$@\"", replace_flock("exit 0")), &["flock-order"]);
    report.assert_facts("flock-order", &[("two", "overlapped"), ("six", "overlapped")]);
    assert_ne!(report.verdict("flock-order"), "ok");
    let summary = report.probe("flock-order")["summary"].as_str().unwrap();
    assert!(summary.starts_with("with flock up to 2 of 2 and 6 of 6 workers"), "{summary}");
}

#[test]
fn the_lock_is_measured_on_a_host_without_systemd() {
    let report = check_here(&["flock-order"]);
    report.assert_facts("flock-order", SERIALIZED);
}

#[test]
fn the_lock_file_is_created_in_the_common_directory_of_a_linked_work_tree() {
    let machine = Machine::boot(Debian13);
    // The main work tree is on tmpfs, the linked one on disk.
    let script = "git init -q /dev/shm/main; cd /dev/shm/main
        git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one
        git worktree add -q ~/linked; exec \"$@\" --repo ~/linked";
    let report = machine.check_in(script, &["flock-order"]);
    let summary = report.probe("flock-order")["summary"].as_str().unwrap();
    assert!(summary.ends_with("on tmpfs"), "{summary}");
}

#[test]
fn a_repository_without_write_permission_is_unmeasured() {
    let machine = Machine::boot(Debian13);
    machine.script("root", "git init -q /srv/repo");
    let report = machine.check(&["flock-order", "--repo", "/srv/repo"]);
    assert_eq!(report.verdict("flock-order"), "unmeasured");
    let reason = report.probe("flock-order")["reason"].as_str().unwrap();
    assert!(reason.contains("/srv/repo/.git/") && reason.contains("Permission denied"), "{reason}");
    assert_eq!(report.status, 3);
}

#[test]
fn the_repository_is_clean_after_a_deadline_an_interrupt_or_a_kill() {
    let machine = Machine::boot(Debian13);
    let hang = replace_flock("exec tail -f /dev/null");
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
    // The next run removes what a killed run left outside the repository.
    machine.check(&["flock-order"]);
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

fn a_child_keeps_an_inherited_lock_and_a_deleted_lock_file_lets_two_workers_in(release: Release) {
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
    // Neither a child with the lock nor a file remains.
    assert_eq!(machine.script("agent", "ps -C sh -o args= | grep '[e]cho ready' || true"), "");
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

#[test]
fn a_flock_that_keeps_or_drops_the_lock_otherwise_is_measured() {
    let machine = Machine::boot(Debian13);
    let check = |body: &str, id: &str| {
        machine.check_in(&format!("{}; exec \"$@\"", replace_flock(body)), &[id])
    };
    // It ignores -o and -u, and leaves a child of its own with the lock.
    let keeps = r#"case "$*" in
"-u 9") exit 0 ;;
9) /usr/bin/flock 9 && { read -r end <&7 & } ;;
"-o "*) shift; exec /usr/bin/flock "$@" ;;
*) exec /usr/bin/flock "$@" ;;
esac"#;
    let report = check(keeps, "flock-inherited");
    report.assert_facts(
        "flock-inherited",
        &[("unlocked", "held"), ("closed-in-child", "held"), ("close-option", "held")],
    );
    assert_eq!(report.verdict("flock-inherited"), "regressed");
    // It locks nothing for the shell, and closes the descriptor for a command.
    let drops = r#"case "$*" in
9 | "-u 9") exit 0 ;;
*" sh -c "*) exec /usr/bin/flock -o "$@" ;;
*) exec /usr/bin/flock "$@" ;;
esac"#;
    let report = check(drops, "flock-inherited");
    report.assert_facts(
        "flock-inherited",
        &[("killed", "free"), ("ended", "free"), ("command", "free")],
    );
    assert_eq!(report.verdict("flock-inherited"), "regressed");
    // It holds the lock by a descriptor of its own, which the shell's child does not have.
    let elsewhere = r#"[ "$*" = 9 ] || exec /usr/bin/flock "$@"
exec 8>"$(readlink /proc/self/fd/9)"; /usr/bin/flock 8; exec 9>&-
{ read -r end <&7 & }"#;
    let report = check(elsewhere, "flock-inherited");
    report.assert_facts("flock-inherited", &[("killed", "held"), ("fdinfo", "names-nobody")]);

    let report = check("exit 0", "flock-unlinked");
    report.assert_facts(
        "flock-unlinked",
        &[("checked", "two-holders"), ("directory", "two-holders")],
    );
    // It locks one file, whichever is named, until the shell exits.
    let global = r#"[ "$*" = 9 ] || exec /usr/bin/flock "$@"
[ "$(cat ~/owner 2> /dev/null)" != $PPID ] || exit 0
exec 8>~/global; /usr/bin/flock 8; echo $PPID > ~/owner
while grep -qs '^State:.[^Z]' /proc/$PPID/status; do :; done > /dev/null 2>&1 9>&- &"#;
    let report = check(global, "flock-unlinked");
    report.assert_facts(
        "flock-unlinked",
        &[("removed", "one-holder"), ("removed-at-end", "one-holder")],
    );
    assert_eq!(report.verdict("flock-unlinked"), "regressed");
}

#[test]
fn outside_a_pid_namespace_proc_locks_names_a_process_that_has_exited() {
    let report = check_here(&["flock-inherited"]);
    // PROC_PID_INIT_INO in linux/proc_ns.h
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let is_initial = namespace.to_str() == Some("pid:[4026531836]");
    let named =
        if is_initial { ("proc-locks", "names-the-dead") } else { ("proc-locks", "names-nobody") };
    report.assert_facts("flock-inherited", &[("killed", "held"), named]);
}

#[test]
fn a_virtual_machine_has_a_lslocks_that_names_the_child() {
    let machine = Machine::boot_vm(Debian13);
    let report = machine.check(&["flock-inherited"]);
    report.assert_facts(
        "flock-inherited",
        &[("proc-locks", "names-the-dead"), ("lslocks", "names-the-child")],
    );
}
