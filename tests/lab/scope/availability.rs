//! Whether a scope can be started, and why not: every state is real, and every fix is executed.

use std::time::{Duration, Instant};

use crate::lab::{Machine, Release, Report};

on_each_release!(each_wrong_variable_is_found_and_its_fix_works);
on_each_release!(a_user_manager_that_is_missing_stopped_or_killed_is_found_and_started_again);
on_each_release!(a_user_manager_that_does_not_answer_times_out_after_five_seconds_and_is_resumed: Debian11, Debian14);
on_each_release!(a_host_without_systemd_and_one_without_a_working_systemd_run_are_distinguished);
on_each_release!(a_system_bus_that_was_stopped_or_restarted_is_found_and_its_fix_works);

pub(super) const AVAILABILITY: &str = "scope-availability";
/// As a shell function: the user `agent` outside any login session, as a system service has it.
const AGENT: &str = "agent() { setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/agent \
     XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus \"$@\"; }\n";
/// The part of the fix for a missing system bus that root executes.
const NO_SYSTEM_BUS: &str = "sudo systemctl start dbus.socket; \
     sudo systemctl restart systemd-logind.service; sudo systemctl start user@1000.service";

/// Runs the doctor as `agent` in a login session whose environment a script has changed.
#[track_caller]
pub(super) fn check_with(machine: &Machine, state: &str, args: &[&str]) -> Report {
    let script = format!("{state}\nshift; exec /usr/local/bin/doctor \"$@\"");
    machine.check_in(&script, &[&[AVAILABILITY], args].concat())
}

/// Creates a state, and asserts the doctor's fact and that its fix works.
#[track_caller]
fn assert_found_and_fixed(machine: &Machine, state: &str, fact: (&str, &str)) {
    let report = check_with(machine, state, &[]);
    report.assert_facts(AVAILABILITY, &[fact]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    let fixed = check_with(machine, &format!("{state}\n{}", report.fix(AVAILABILITY)), &[]);
    fixed.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "as-named")]);
}

/// Runs the doctor as `agent` outside any login session, from a script that root runs.
#[track_caller]
fn check_as_service(machine: &Machine, state: &str, args: &[&str]) -> Report {
    let script = format!("{AGENT}{state}\nagent doctor check --format json \"$@\"");
    let words = [&["sh", "-c", &script, "sh", AVAILABILITY], args].concat();
    Report::read(&machine.root(&words))
}

/// Executes a fix: as root what begins with sudo, the rest as `agent`.
#[track_caller]
fn apply_fix(machine: &Machine, fix: &str) {
    for line in fix.lines().filter(|line| !line.starts_with("export ")) {
        match line.strip_prefix("sudo ") {
            Some(command) => machine.script("root", command),
            None => machine.script("root", &format!("{AGENT}agent {line}")),
        };
    }
}

#[track_caller]
fn assert_found_and_fixed_as_service(machine: &Machine, fact: (&str, &str)) {
    let report = check_as_service(machine, "", &[]);
    report.assert_facts(AVAILABILITY, &[fact]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    apply_fix(machine, &report.fix(AVAILABILITY));
    let fixed = check_as_service(machine, "", &[]);
    assert_eq!(fixed.verdict(AVAILABILITY), "ok", "{:#}", fixed.probe(AVAILABILITY));
}

fn each_wrong_variable_is_found_and_its_fix_works(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger other; systemctl start user@1001.service");
    let healthy = machine.check(&[AVAILABILITY]);
    healthy.assert_facts(
        AVAILABILITY,
        &[("available", "works"), ("landed", "as-named"), ("address", "good")],
    );
    assert_eq!((healthy.verdict(AVAILABILITY), healthy.status), ("ok", 0));

    let no_bus = "unset DBUS_SESSION_BUS_ADDRESS";
    let dead = "export XDG_RUNTIME_DIR=$HOME/run; mkdir -p -m 700 run/systemd; rm -f run/systemd/private; \
         perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => shift, Listen => 1)' $HOME/run/systemd/private";
    for (state, fact) in [
        (
            "unset XDG_RUNTIME_DIR; unset DBUS_SESSION_BUS_ADDRESS",
            ("available", "no-bus-variables"),
        ),
        ("export XDG_RUNTIME_DIR= DBUS_SESSION_BUS_ADDRESS=", ("available", "no-bus-variables")),
        (
            "unset XDG_RUNTIME_DIR; export DBUS_SESSION_BUS_ADDRESS=unix:path=/no",
            ("available", "bus-address-dead"),
        ),
        (
            "unset XDG_RUNTIME_DIR; export DBUS_SESSION_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket",
            ("available", "bus-address-foreign"),
        ),
        (
            "unset XDG_RUNTIME_DIR; dbus-daemon --session --fork --address=unix:path=$HOME/other 2>/dev/null || true
             export DBUS_SESSION_BUS_ADDRESS=unix:path=$HOME/other",
            ("available", "bus-address-foreign"),
        ),
        (
            &format!("{no_bus}; export XDG_RUNTIME_DIR=/run/user/4242"),
            ("available", "runtime-dir-missing"),
        ),
        (
            &format!("{no_bus}; export XDG_RUNTIME_DIR=/run/user/1001"),
            ("available", "runtime-dir-foreign"),
        ),
        (&format!("{no_bus}; export XDG_RUNTIME_DIR=$HOME"), ("available", "runtime-dir-empty")),
        (&format!("{no_bus}; {dead}"), ("available", "runtime-dir-dead")),
        ("export PATH=/nowhere", ("available", "systemd-run-outside-path")),
    ] {
        assert_found_and_fixed(&machine, state, fact);
    }

    // One of them is right and the other wrong. Since systemd 257 a wrong XDG_RUNTIME_DIR alone
    // counts.
    let stale = "export XDG_RUNTIME_DIR=/run/user/4242";
    if release.systemd() >= 257 {
        assert_found_and_fixed(&machine, stale, ("available", "runtime-dir-missing"));
    } else {
        let report = check_with(&machine, stale, &[]);
        report.assert_facts(
            AVAILABILITY,
            &[("available", "works"), ("address", "runtime-dir-wrong")],
        );
        assert_eq!((report.verdict(AVAILABILITY), report.status), ("warn", 0));
        let fixed = format!("{stale}; {}", report.fix(AVAILABILITY));
        assert_eq!(check_with(&machine, &fixed, &[]).verdict(AVAILABILITY), "ok");
    }
    for wrong in ["unix:path=/no", ""] {
        let wrong = format!("export DBUS_SESSION_BUS_ADDRESS={wrong}");
        let report = check_with(&machine, &wrong, &["user-bus"]);
        let expected = [("available", "works"), ("address", "bus-address-wrong")];
        report.assert_facts(AVAILABILITY, &expected);
        // One cause is one finding.
        assert_eq!((report.verdict(AVAILABILITY), report.verdict("user-bus")), ("ok", "warn"));
        let fixed = format!("{wrong}; {}", report.fix("user-bus"));
        let fixed = check_with(&machine, &fixed, &["user-bus"]);
        fixed.assert_facts(AVAILABILITY, &[("address", "good")]);
        assert_eq!(fixed.verdict("user-bus"), "ok");
    }
}

fn a_user_manager_that_is_missing_stopped_or_killed_is_found_and_started_again(release: Release) {
    let machine = Machine::boot(release);
    assert_found_and_fixed_as_service(&machine, ("available", "no-user-manager"));

    // The runtime directory is removed with the manager, unless a session needs it. Later releases
    // do not remove the socket, which then refuses connections.
    machine.script(
        "root",
        "keep=/run/systemd/system/user-runtime-dir@1000.service.d; mkdir -p $keep
         printf '[Unit]\\nStopWhenUnneeded=no\\n' > $keep/keep.conf
         systemctl daemon-reload; systemctl stop user@1000.service; test -d /run/user/1000
         rm -f /run/user/1000/systemd/private",
    );
    assert_found_and_fixed_as_service(&machine, ("available", "user-manager-stopped"));

    machine.script(
        "root",
        "systemctl kill --kill-who=main --signal=KILL user@1000.service
         until [ \"$(systemctl is-active user@1000.service)\" = failed ]; do :; done",
    );
    assert_found_and_fixed_as_service(&machine, ("available", "socket-refuses"));
}

fn a_user_manager_that_does_not_answer_times_out_after_five_seconds_and_is_resumed(
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let stop = "systemctl kill --kill-who=main --signal=STOP user@1000.service";

    let report = check_as_service(&machine, stop, &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-answer")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    let ms = report.probe(AVAILABILITY)["evidence"][0]["ms"].as_u64().unwrap();
    assert!((5000..6000).contains(&ms), "it timed out after {ms} ms");
    let fix = report.fix(AVAILABILITY);
    apply_fix(&machine, &fix);
    assert_eq!(check_as_service(&machine, "", &[]).verdict(AVAILABILITY), "ok");
    machine.script("root", "systemctl freeze user@1000.service");
    apply_fix(&machine, &fix);
    assert_eq!(check_as_service(&machine, "", &[]).verdict(AVAILABILITY), "ok");

    // A launch takes three seconds: the first one, then each.
    let slow = |when: &str| {
        let script = format!("#!/bin/sh\n{when} sleep 3\nexec /usr/bin/systemd-run \"$@\"\n");
        let install =
            "mkdir -p /slow; printf %s \"$1\" >/slow/systemd-run; chmod 755 /slow/systemd-run";
        machine.root(&["sh", "-c", install, "sh", &script]);
    };
    slow("case \"$*\" in *' true') mkdir /tmp/slow-once 2>/dev/null;; *) false;; esac &&");
    let report = check_as_service(&machine, "PATH=/slow:$PATH", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "as-named")]);
    let evidence = report.probe(AVAILABILITY)["evidence"].as_array().unwrap();
    let launch = evidence.iter().find(|evidence| evidence["fact"] == "available").unwrap();
    assert!(launch["ms"].as_u64().unwrap() > 2500, "{launch}");
    assert_eq!(report.verdict(AVAILABILITY), "ok", "one delay alone is not called slow");
    slow("");
    let report = check_as_service(&machine, "PATH=/slow:$PATH", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "slow"), ("landed", "as-named")]);
    assert_eq!(report.verdict(AVAILABILITY), "warn");
    apply_fix(&machine, &report.fix(AVAILABILITY));
}

fn a_host_without_systemd_and_one_without_a_working_systemd_run_are_distinguished(
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let hide = |what: &str| {
        format!("mount {what}; exec setpriv --reuid=1000 --regid=1000 --clear-groups \"$@\"")
    };
    let check = |what: &str, args: &[&str]| {
        let environment = ["env", "HOME=/home/agent", "XDG_RUNTIME_DIR=/run/user/1000"];
        let words = ["unshare", "--mount", "sh", "-ec", &hide(what), "sh"];
        let doctor = ["doctor", "check", "--format", "json", AVAILABILITY];
        Report::read(&machine.root(&[&words[..], &environment, &doctor, args].concat()))
    };

    // As in a container: another /run, without the directories of systemd.
    let report = check("-t tmpfs none /run", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-systemd")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    assert_eq!(report.fix(AVAILABILITY), "", "no fix changes anything while no slice is named");
    let report = check("-t tmpfs none /run; export GC_AGENT_SLICE=agents", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-systemd")]);
    assert_eq!(report.fix(AVAILABILITY), "unset GC_AGENT_SLICE");

    let report = check("--bind /dev/null /usr/bin/systemd-run", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-systemd-run")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));

    // A program that only runs the command, as some container images have it.
    machine.script(
        "root",
        "printf '#!/bin/sh\\nwhile [ \"$1\" != -- ]; do shift; done; shift; exec \"$@\"\\n' > /root/stand-in
         chmod 755 /root/stand-in",
    );
    let report = check("--bind /root/stand-in /usr/bin/systemd-run", &["--slice=agents"]);
    report.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "nowhere")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));

    let report = machine.check(&["--manager", "system", AVAILABILITY]);
    assert_eq!(report.verdict(AVAILABILITY), "skipped");
}

/// The lab itself needs the system bus, so the script runs detached and starts the bus again.
fn a_system_bus_that_was_stopped_or_restarted_is_found_and_its_fix_works(release: Release) {
    let machine = Machine::boot(release);
    let script = format!(
        "{AGENT}
         sudo() {{ \"$@\"; }}
         check() {{ agent doctor check --format json {AVAILABILITY} > /root/$1.json; }}
         loginctl enable-linger agent; systemctl start user@1000.service
         systemctl restart dbus.service; check restarted
         agent systemctl --user daemon-reexec; check restarted-fixed
         systemctl stop dbus.socket dbus.service; check stopped
         {NO_SYSTEM_BUS}; agent systemctl --user daemon-reexec; check stopped-fixed
         systemctl stop user@1000.service user-runtime-dir@1000.service dbus.socket dbus.service; check none
         {NO_SYSTEM_BUS}; agent systemctl --user daemon-reexec; check none-fixed
         echo done > /root/done"
    );
    machine.root(&["systemd-run", "--quiet", "--no-block", "sh", "-c", &script.replace('$', "$$")]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while machine.root(&["cat", "/root/done"]).stdout != b"done\n" {
        assert!(Instant::now() < deadline, "the script does not end");
    }
    let read = |name: &str| Report::read(&machine.root(&["cat", &format!("/root/{name}.json")]));

    for (name, fact) in [
        ("restarted", ("available", "system-bus-lost")),
        ("stopped", ("available", "no-system-bus")),
        ("none", ("available", "no-system-bus")),
    ] {
        let report = read(name);
        report.assert_facts(AVAILABILITY, &[fact]);
        assert_eq!(report.verdict(AVAILABILITY), "fail");
        let fixed = read(&format!("{name}-fixed"));
        assert_eq!(fixed.verdict(AVAILABILITY), "ok", "{name}: {:#}", fixed.probe(AVAILABILITY));
    }
    assert_eq!(read("restarted").fix(AVAILABILITY), "systemctl --user daemon-reexec");
    let fix = read("stopped").fix(AVAILABILITY).replace('\n', "; ");
    assert!(fix.starts_with(NO_SYSTEM_BUS) && fix.ends_with("daemon-reexec"), "{fix}");
    assert_eq!(read("none").fix(AVAILABILITY).replace('\n', "; "), fix);
}
