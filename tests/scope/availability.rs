//! Whether a scope can be had, and why not: every state is made for real, and every fix tried.

use std::time::{Duration, Instant};

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};

pub const AVAILABILITY: &str = "scope-availability";
/// As a shell function: the user `agent` outside any login session, as a system service has it.
const AGENT: &str = "agent() { setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/agent \
     XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus \"$@\"; }\n";
/// What the doctor advises without a system bus, as far as root does it.
const NO_SYSTEM_BUS: &str = "sudo systemctl start dbus.socket; \
     sudo systemctl restart systemd-logind.service; sudo systemctl start user@1000.service";

/// Runs the doctor as `agent` in a login session whose environment a script has changed.
#[track_caller]
pub fn check_with(machine: &Machine, state: &str, args: &[&str]) -> Report {
    let script = format!("{state}\nshift; exec /usr/local/bin/doctor \"$@\"");
    machine.check_in(&script, &[&[AVAILABILITY], args].concat())
}

/// Makes a state, sees that the doctor tells it, follows the advice, and sees that it helps.
#[track_caller]
fn assert_told_and_mended(machine: &Machine, state: &str, value: &str) {
    let report = check_with(machine, state, &[]);
    report.assert_facts(AVAILABILITY, &[("available", value)]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    let mended = check_with(machine, &format!("{state}\n{}", report.fix(AVAILABILITY)), &[]);
    mended.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "as-named")]);
}

/// Runs the doctor as `agent` outside any login session, from a script that root runs.
#[track_caller]
fn check_as_service(machine: &Machine, state: &str, args: &[&str]) -> Report {
    let script = format!("{AGENT}{state}\nagent doctor check --format json \"$@\"");
    let words = [&["sh", "-c", &script, "sh", AVAILABILITY], args].concat();
    Report::read(&machine.root(&words))
}

/// Does what a report advises: as root what begins with sudo, the rest as `agent`.
#[track_caller]
fn follow(machine: &Machine, fix: &str) {
    for line in fix.lines().filter(|line| !line.starts_with("export ")) {
        match line.strip_prefix("sudo ") {
            Some(command) => machine.script("root", command),
            None => machine.script("root", &format!("{AGENT}agent {line}")),
        };
    }
}

#[track_caller]
fn assert_told_then_mended_as_service(machine: &Machine, value: &str) {
    let report = check_as_service(machine, "", &[]);
    report.assert_facts(AVAILABILITY, &[("available", value)]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    follow(machine, &report.fix(AVAILABILITY));
    let mended = check_as_service(machine, "", &[]);
    assert_eq!(mended.verdict(AVAILABILITY), "ok", "{:#}", mended.probe(AVAILABILITY));
}

#[rstest]
fn each_wrong_variable_is_told_apart_and_its_fix_mends_it(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
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
    for (state, value) in [
        ("unset XDG_RUNTIME_DIR; unset DBUS_SESSION_BUS_ADDRESS", "no-bus-variables"),
        ("export XDG_RUNTIME_DIR= DBUS_SESSION_BUS_ADDRESS=", "no-bus-variables"),
        (
            "unset XDG_RUNTIME_DIR; export DBUS_SESSION_BUS_ADDRESS=unix:path=/no",
            "bus-address-dead",
        ),
        (&format!("{no_bus}; export XDG_RUNTIME_DIR=/run/user/4242"), "runtime-dir-missing"),
        (&format!("{no_bus}; export XDG_RUNTIME_DIR=/run/user/1001"), "runtime-dir-foreign"),
        (&format!("{no_bus}; export XDG_RUNTIME_DIR=$HOME"), "runtime-dir-empty"),
        (&format!("{no_bus}; {dead}"), "runtime-dir-dead"),
        ("export PATH=/nowhere", "systemd-run-outside-path"),
    ] {
        assert_told_and_mended(&machine, state, value);
    }

    // One of the two right and the other wrong. Since systemd 257 a wrong XDG_RUNTIME_DIR decides.
    let stale = "export XDG_RUNTIME_DIR=/run/user/4242";
    if release.systemd() >= 257 {
        assert_told_and_mended(&machine, stale, "runtime-dir-missing");
    } else {
        let report = check_with(&machine, stale, &[]);
        report.assert_facts(
            AVAILABILITY,
            &[("available", "works"), ("address", "runtime-dir-wrong")],
        );
        assert_eq!((report.verdict(AVAILABILITY), report.status), ("warn", 0));
        let mended = format!("{stale}; {}", report.fix(AVAILABILITY));
        assert_eq!(check_with(&machine, &mended, &[]).verdict(AVAILABILITY), "ok");
    }
    for wrong in ["unix:path=/no", ""] {
        let wrong = format!("export DBUS_SESSION_BUS_ADDRESS={wrong}");
        let report = check_with(&machine, &wrong, &[]);
        let expected = [("available", "works"), ("address", "bus-address-wrong")];
        report.assert_facts(AVAILABILITY, &expected);
        assert_eq!(report.verdict(AVAILABILITY), "warn");
        let mended = format!("{wrong}; {}", report.fix(AVAILABILITY));
        assert_eq!(check_with(&machine, &mended, &[]).verdict(AVAILABILITY), "ok");
    }
}

#[rstest]
fn a_user_manager_that_is_missing_stopped_or_killed_is_told_apart_and_brought_back(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    assert_told_then_mended_as_service(&machine, "no-user-manager");

    // The runtime directory goes with the manager, unless a session keeps it. Newer releases leave
    // the socket there, which then refuses.
    machine.script(
        "root",
        "keep=/run/systemd/system/user-runtime-dir@1000.service.d; mkdir -p $keep
         printf '[Unit]\\nStopWhenUnneeded=no\\n' > $keep/keep.conf
         systemctl daemon-reload; systemctl stop user@1000.service; test -d /run/user/1000
         rm -f /run/user/1000/systemd/private",
    );
    assert_told_then_mended_as_service(&machine, "user-manager-stopped");

    machine.script(
        "root",
        "systemctl kill --kill-who=main --signal=KILL user@1000.service
         until [ \"$(systemctl is-active user@1000.service)\" = failed ]; do :; done",
    );
    assert_told_then_mended_as_service(&machine, "socket-refuses");

    // What every cgroup needs is used up: the manager can start nothing more.
    let limit =
        "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/cgroup.max.descendants";
    machine.script("root", &format!("echo 0 > {limit}"));
    let report = check_as_service(&machine, "", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "other")]);
    assert_eq!(report.verdict(AVAILABILITY), "fail");
    follow(&machine, &report.fix(AVAILABILITY));
    machine.script("root", &format!("echo max > {limit}"));
    assert_eq!(check_as_service(&machine, "", &[]).verdict(AVAILABILITY), "ok");
}

#[rstest]
fn a_user_manager_that_does_not_answer_is_given_up_after_five_seconds_and_woken(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let stop = "systemctl kill --kill-who=main --signal=STOP user@1000.service";

    let report = check_as_service(&machine, stop, &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-answer")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    let ms = report.probe(AVAILABILITY)["evidence"][0]["ms"].as_u64().unwrap();
    assert!((5000..6000).contains(&ms), "given up after {ms} ms");
    let fix = report.fix(AVAILABILITY);
    follow(&machine, &fix);
    assert_eq!(check_as_service(&machine, "", &[]).verdict(AVAILABILITY), "ok");
    machine.script("root", "systemctl freeze user@1000.service");
    follow(&machine, &fix);
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
    follow(&machine, &report.fix(AVAILABILITY));
}

#[rstest]
fn a_host_without_systemd_and_one_without_a_systemd_run_that_works_are_told_apart(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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

    // As in a container: another /run, without a trace of systemd.
    let report = check("-t tmpfs none /run", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-systemd")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
    assert_eq!(report.fix(AVAILABILITY), "unset GC_AGENT_SLICE");

    let report = check("--bind /dev/null /usr/bin/systemd-run", &[]);
    report.assert_facts(AVAILABILITY, &[("available", "no-systemd-run")]);
    assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));

    // A stand-in that only runs the command, as images for containers have it.
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

/// The lab itself needs the system bus, so the script runs by itself and puts things right again.
#[rstest]
fn a_system_bus_that_is_gone_or_was_restarted_is_told_and_its_fix_mends_it(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let script = format!(
        "{AGENT}
         sudo() {{ \"$@\"; }}
         check() {{ agent doctor check --format json {AVAILABILITY} > /root/$1.json; }}
         loginctl enable-linger agent; systemctl start user@1000.service
         systemctl restart dbus.service; check restarted
         agent systemctl --user daemon-reexec; check restarted-mended
         systemctl stop dbus.socket dbus.service; check stopped
         {NO_SYSTEM_BUS}; agent systemctl --user daemon-reexec; check stopped-mended
         systemctl stop user@1000.service user-runtime-dir@1000.service dbus.socket dbus.service; check none
         {NO_SYSTEM_BUS}; agent systemctl --user daemon-reexec; check none-mended
         echo done > /root/done"
    );
    machine.root(&["systemd-run", "--quiet", "--no-block", "sh", "-c", &script.replace('$', "$$")]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while machine.root(&["cat", "/root/done"]).stdout != b"done\n" {
        assert!(Instant::now() < deadline, "the script does not end");
    }
    let read = |name: &str| Report::read(&machine.root(&["cat", &format!("/root/{name}.json")]));

    for (name, value) in
        [("restarted", "system-bus-lost"), ("stopped", "no-system-bus"), ("none", "no-system-bus")]
    {
        let report = read(name);
        report.assert_facts(AVAILABILITY, &[("available", value)]);
        assert_eq!(report.verdict(AVAILABILITY), "fail");
        let mended = read(&format!("{name}-mended"));
        assert_eq!(mended.verdict(AVAILABILITY), "ok", "{name}: {:#}", mended.probe(AVAILABILITY));
    }
    assert_eq!(read("restarted").fix(AVAILABILITY), "systemctl --user daemon-reexec");
    let fix = read("stopped").fix(AVAILABILITY).replace('\n', "; ");
    assert!(fix.starts_with(NO_SYSTEM_BUS) && fix.ends_with("daemon-reexec"), "{fix}");
    assert_eq!(read("none").fix(AVAILABILITY).replace('\n', "; "), fix);
}
