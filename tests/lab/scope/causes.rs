//! Why a user has no manager, or has one that starts nothing: each state is made for real, its fix is executed as it is
//! printed, and doctor is quiet afterwards.

use super::availability::AVAILABILITY;
use crate::lab::{Machine, Release, Report};

on_each_release!(a_manager_that_does_not_run_is_named_by_what_its_unit_says: Debian11, Debian14);
on_each_release!(a_running_manager_that_starts_nothing_is_named_by_what_it_lacks: Debian11, Debian14);
on_each_release!(a_runtime_directory_that_was_emptied_is_filled_without_ending_a_unit);
on_each_release!(a_session_without_a_user_manager_is_named: Debian13, Debian14);

/// As shell functions: any user outside a login session, and systemd's state for a fresh start.
const FUNCTIONS: &str = "as_user() { uid=$1; shift; setpriv --reuid=$uid --regid=$uid --clear-groups env HOME=/tmp \
     XDG_RUNTIME_DIR=/run/user/$uid DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/$uid/bus \"$@\"; }
     fresh() { loginctl disable-linger agent; systemctl stop user@1000 user-runtime-dir@1000; systemctl reset-failed; }\n";

/// A state: its name for a message, what makes it, the fact by which doctor names it, a part of the sentence, and what
/// undoes what the fix leaves.
struct State<'a> {
    uid: u32,
    make: &'a str,
    fact: (&'a str, &'a str),
    says: &'a str,
    undo: &'a str,
}

fn state<'a>(make: &'a str, fact: (&'a str, &'a str), says: &'a str, undo: &'a str) -> State<'a> {
    State { uid: 1000, make, fact, says, undo }
}

fn root(machine: &Machine, script: &str) -> String {
    machine.script("root", &format!("{FUNCTIONS}{script}"))
}

fn check(machine: &Machine, uid: u32) -> Report {
    let script =
        format!("{FUNCTIONS}as_user {uid} doctor check --format json {AVAILABILITY} \"$@\"");
    Report::read(&machine.root(&["sh", "-c", &script]))
}

/// Executes what is printed: as root what begins with sudo, the rest as the user.
#[track_caller]
fn apply_fix(machine: &Machine, uid: u32, fix: &str) {
    for line in fix.lines().filter(|line| !line.starts_with("export ")) {
        if line.starts_with("sudo sysctl ") {
            // A container may not set what its host shares: the instances are freed instead.
            root(machine, "systemctl stop hold");
        } else if line.contains("sudo ") {
            root(machine, &format!("sudo() {{ \"$@\"; }}\n{line}"));
        } else {
            let as_user = format!("{FUNCTIONS}as_user {uid} sh -ec \"$1\"");
            let run = machine.root(&["sh", "-ec", &as_user, "sh", line]);
            assert!(run.status.success(), "{line}: {run:?}");
        }
    }
}

#[track_caller]
fn assert_named_and_fixed(machine: &Machine, state: &State) {
    root(machine, state.make);
    let report = check(machine, state.uid);
    report.assert_facts(AVAILABILITY, &[state.fact]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    let text = report.probe(AVAILABILITY)["findings"][0]["text"].as_str().unwrap();
    assert!(text.contains(state.says), "{}: {text}", state.make);
    let fix = report.fix(AVAILABILITY);
    assert!(!fix.is_empty(), "{}: {text}", state.make);
    apply_fix(machine, state.uid, &fix);
    let fixed = check(machine, state.uid);
    assert_eq!(fixed.verdict(AVAILABILITY), "ok", "{fix}\n{:#}", fixed.probe(AVAILABILITY));
    root(machine, state.undo);
}

fn a_manager_that_does_not_run_is_named_by_what_its_unit_says(release: Release) {
    let machine = Machine::boot(release);
    let expired =
        "fresh; chage -E 1 agent; loginctl enable-linger agent; ! systemctl start user@1000";
    let use_up = "useradd -u 4300 -m carl; loginctl enable-linger carl; systemctl stop user@4300
         cat > /tmp/use-up <<'END'
my $n = 0; $n++ while syscall(294, 0) >= 0; open my $file, '>', '/tmp/ready'; close $file; while (1) { syscall(294, 0); select undef, undef, undef, 0.02 }
END
         systemd-run --quiet --unit=hold -p User=carl -p LimitNOFILE=16384 perl /tmp/use-up
         until [ -e /tmp/ready ]; do :; done; ! systemctl start user@4300";
    for state in [
        state("fresh", ("available", "no-user-manager"), "agent has no session, and lingering is disabled", "fresh"),
        state(
            "fresh; systemctl mask user@1000.service",
            ("available", "user-manager-masked"),
            "user@1000.service is in state masked",
            "fresh",
        ),
        state(
            "fresh; systemctl mask --runtime user-runtime-dir@1000.service",
            ("available", "user-manager-masked"),
            "user-runtime-dir@1000.service is in state masked",
            "fresh",
        ),
        state(expired, ("available", "account-expired"), "expired on Jan 02, 1970", "fresh"),
        State { uid: 4242, ..state("", ("available", "no-account"), "4242 has no account", "") },
        State {
            uid: 4300,
            ..state(use_up, ("available", "inotify-used-up"), "have used up all", "")
        },
        state(
            "fresh; mkdir -p /run/systemd/system/user@1000.service.d
             printf '[Service]\\nExecStart=\\nExecStart=sh -c \"sleep 3; exec /lib/systemd/systemd --user\"\\n' > /run/systemd/system/user@1000.service.d/slow.conf
             systemctl daemon-reload; loginctl enable-linger agent; systemctl start --no-block user@1000
             until [ \"$(systemctl is-active user@1000)\" = activating ]; do :; done",
            ("available", "user-manager-starting"),
            "is in state activating",
            "rm -r /run/systemd/system/user@1000.service.d; systemctl daemon-reload; fresh",
        ),
    ] {
        assert_named_and_fixed(&machine, &state);
    }

    // Nothing that doctor knows: it quotes the unit, and prints no fix.
    root(
        &machine,
        "fresh; mkdir -p /run/systemd/system/user@1000.service.d
         printf '[Service]\\nExecStartPre=false\\n' > /run/systemd/system/user@1000.service.d/fail.conf
         systemctl daemon-reload; loginctl enable-linger agent; ! systemctl start user@1000",
    );
    let report = check(&machine, 1000);
    report.assert_facts(AVAILABILITY, &[("available", "user-manager-failed")]);
    let text = report.probe(AVAILABILITY)["findings"][0]["text"].as_str().unwrap();
    assert!(text.contains("user@1000.service is in state failed (result exit-code"), "{text}");
    assert_eq!(report.fix(AVAILABILITY), "");

    let mask = "rm -r /run/systemd/system/user@1000.service.d; systemctl daemon-reload; fresh
         systemctl mask --now systemd-logind.service";
    let says = "systemd-logind.service is masked";
    assert_named_and_fixed(&machine, &state(mask, ("available", "logind-masked"), says, ""));
}

fn a_running_manager_that_starts_nothing_is_named_by_what_it_lacks(release: Release) {
    let machine = Machine::boot(release);
    let start = "loginctl enable-linger agent; systemctl start user@1000
         c=/sys/fs/cgroup/user.slice/user-1000.slice; d=/run/user/1000\n";
    let stubborn = "as_user 1000 systemd-run --user --quiet --unit=stubborn -p TimeoutStopSec=2 sh -c \
         'trap \"\" TERM; touch /tmp/stubborn; while :; do sleep 1; done'; until [ -e /tmp/stubborn ]; do :; done
         rm /tmp/stubborn\n";
    for (make, fact, says) in [
        (
            "mount -t tmpfs -o mode=700,uid=1000,gid=1000 none $d",
            ("available", "runtime-dir-hidden"),
            "a mount at /run/user/1000 hides",
        ),
        ("mount -t tmpfs none /run/user", ("available", "runtime-dir-hidden"), "a mount at /run/user hides"),
        ("mount -t tmpfs none $d", ("available", "runtime-dir-hidden"), "a mount at /run/user/1000 hides"),
        (
            "systemctl mask user@1000.service",
            ("available", "user-manager-masked"),
            "user@1000.service is in state masked, active",
        ),
        (
            "mount -o remount,size=64k $d; ! as_user 1000 dd if=/dev/zero of=$d/fill bs=4k",
            ("available", "runtime-dir-full"),
            "/run/user/1000 has no bytes left: it holds 64 KiB",
        ),
        (
            "rm -f $d/fill; mount -o remount,size=100M,nr_inodes=$(($(df --output=iused $d | tail -1))) $d",
            ("available", "runtime-dir-full"),
            "/run/user/1000 has no inodes left",
        ),
        (
            "echo 0 > $c/user@1000.service/cgroup.max.descendants",
            ("available", "cgroup-limit"),
            "user@1000.service/cgroup.max.descendants is 0",
        ),
        ("echo 2 > $c/cgroup.max.depth", ("available", "cgroup-limit"), "user-1000.slice/cgroup.max.depth is 2"),
        (
            &format!("{stubborn} as_user 1000 systemctl --user exit --no-block
             until [ \"$(as_user 1000 systemctl --user is-system-running)\" = stopping ]; do :; done"),
            ("available", "user-manager-stopping"),
            "is stopping",
        ),
        (
            &format!("{stubborn} systemctl stop --no-block user@1000
             until [ \"$(systemctl is-active user@1000)\" = deactivating ]; do :; done"),
            ("available", "user-manager-stopping"),
            "is stopping",
        ),
    ] {
        let make = format!("{start}{make}");
        assert_named_and_fixed(&machine, &state(&make, fact, says, ""));
    }

    // A mount that this process alone sees: there is nothing to type on the host.
    let script = format!(
        "{FUNCTIONS}{start}
         export -f as_user; unshare --mount bash -c 'mount -t tmpfs -o mode=700,uid=1000,gid=1000 none /run/user/1000
         as_user 1000 doctor check --format json {AVAILABILITY}'"
    );
    let report = Report::read(&machine.root(&["bash", "-c", &script]));
    report.assert_facts(AVAILABILITY, &[("available", "runtime-dir-other-namespace")]);
    assert_eq!((report.verdict(AVAILABILITY), report.fix(AVAILABILITY)), ("fail", String::new()));

    // What doctor does not know is quoted: systemd-run's words, and the manager's for that unit.
    root(
        &machine,
        &format!(
            "{start}mkdir -p $d/systemd/user/scope.d
         printf '[Unit]\\nRequires=no-such.service\\n' > $d/systemd/user/scope.d/needs.conf
         as_user 1000 systemctl --user daemon-reload"
        ),
    );
    let report = check(&machine, 1000);
    report.assert_facts(AVAILABILITY, &[("available", "other")]);
    let text = report.probe(AVAILABILITY)["findings"][0]["text"].as_str().unwrap();
    assert!(text.contains("no-such.service not found"), "{text}");
}

fn a_runtime_directory_that_was_emptied_is_filled_without_ending_a_unit(release: Release) {
    let machine = Machine::boot(release);
    let with_unit = "loginctl enable-linger agent; systemctl start user@1000
         as_user 1000 systemd-run --user --quiet --unit=busy sleep 1000; as_user 1000 busctl --user list >/dev/null
         rm -rf /run/user/1000/*";
    if release.systemd() >= 252 {
        let says = "is running, and its sockets in /run/user/1000 are missing";
        assert_named_and_fixed(
            &machine,
            &state(with_unit, ("available", "runtime-dir-emptied"), says, ""),
        );
        // The unit still runs, and the user's bus answers.
        let after = "as_user 1000 systemctl --user is-active busy; as_user 1000 systemd-run --user --quiet --wait true";
        assert_eq!(root(&machine, after), "active\n");
    } else {
        root(&machine, with_unit);
        let report = check(&machine, 1000);
        report.assert_facts(AVAILABILITY, &[("available", "runtime-dir-emptied-for-good")]);
        assert_eq!(report.fix(AVAILABILITY), "");
    }

    // A manager that is re-executed is not called missing.
    root(&machine, "systemctl restart user@1000");
    for _ in 0..4 {
        let script = "as_user 1000 systemctl --user daemon-reexec >&2 &
             as_user 1000 doctor check --format json scope-availability; wait";
        let report = Report::read(&machine.root(&["sh", "-c", &format!("{FUNCTIONS}{script}")]));
        let verdict = report.verdict(AVAILABILITY);
        assert!(["ok", "unmeasured"].contains(&verdict), "{:#}", report.probe(AVAILABILITY));
    }
}

/// logind of systemd 257 and later has classes of sessions for which it starts no user manager.
fn a_session_without_a_user_manager_is_named(release: Release) {
    let machine = Machine::boot(release);
    let session = "printf 'auth required pam_permit.so\\naccount required pam_permit.so\\n\
         session required pam_systemd.so class=background-light\\n' > /etc/pam.d/light
         systemd-run --quiet --unit=light -p PAMName=light -p User=agent sleep 600
         until [ -d /run/user/1000 ]; do :; done";
    let says =
        "agent has a session of class background-light. logind starts no user manager for it";
    assert_named_and_fixed(
        &machine,
        &state(session, ("available", "session-without-manager"), says, ""),
    );
}
