//! What logind is set to do at a logout and to idle sessions.

use super::logind_settings::set_logind;
use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};

on_each_release!(the_settings_predict_what_logind_does_to_processes_at_logout);
on_each_release!(the_delay_of_the_user_manager_and_the_end_of_idle_sessions_are_reported);
on_each_release!(processes_of_root_keep_running_and_without_logind_the_check_is_skipped);

const POLICY: &str = "logout-policy";

/// Opens a session that leaves a process, and returns what logind does to it: `left` or `killed`.
fn leftover_state(machine: &Machine) -> String {
    let session = machine
        .script("agent", "setsid sleep 4242 >/dev/null 2>&1 & echo session-$XDG_SESSION_ID.scope");
    let script = format!(
        "while :; do
            case $(systemctl show -p ActiveState -p SubState {}) in
                *active*abandoned) echo left; exit ;;
                *=active*) sleep 0.02 ;;
                *) echo killed; exit ;;
            esac
        done",
        session.trim()
    );
    machine.script("root", &script).trim().to_owned()
}

/// Gives the machine a `sudo` for root, so that a fix can be run as it is printed.
fn install_sudo(machine: &Machine) {
    let script = "printf '#!/bin/sh\\nexec \"$@\"\\n' >/usr/local/bin/sudo; chmod 755 \
                  /usr/local/bin/sudo";
    machine.script("root", script);
}

fn the_settings_predict_what_logind_does_to_processes_at_logout(release: Release) {
    let machine = Machine::boot(release);
    install_sudo(&machine);
    let (off, on) = (("kill-user-processes", "no"), ("kill-user-processes", "yes"));
    let only_empty = ("kill-only-users", "empty");
    let exclude_empty = ("kill-exclude-users", "empty");
    let (left, killed) = (("session-processes", "left"), ("session-processes", "killed"));
    for (settings, facts) in [
        ("", [off, only_empty, exclude_empty, left]),
        ("KillUserProcesses=yes", [on, only_empty, exclude_empty, killed]),
        (
            "KillUserProcesses=no KillOnlyUsers=agent",
            [off, ("kill-only-users", "named"), exclude_empty, killed],
        ),
        (
            "KillUserProcesses=yes KillOnlyUsers=other",
            [on, ("kill-only-users", "others"), exclude_empty, left],
        ),
        (
            "KillUserProcesses=yes KillExcludeUsers=agent",
            [on, only_empty, ("kill-exclude-users", "named"), left],
        ),
        (
            "KillUserProcesses=yes KillExcludeUsers=other",
            [on, only_empty, ("kill-exclude-users", "others"), killed],
        ),
    ] {
        set_logind(&machine, settings);
        let report = machine.check(&[POLICY]);
        report.assert_facts(POLICY, &facts);
        let state = facts[3].1;
        assert_eq!(report.verdict(POLICY), if state == "killed" { "warn" } else { "ok" });
        assert_eq!(leftover_state(&machine), state, "{settings}");
        if state == "killed" {
            machine.script("root", &report.fix(POLICY));
            let report = machine.check(&[POLICY]);
            report.assert_facts(POLICY, &[left]);
            assert_eq!(report.verdict(POLICY), "ok");
            assert_eq!(leftover_state(&machine), "left", "after the fix of {settings}");
            machine.script("root", "rm /etc/systemd/logind.conf.d/50-agents.conf");
        }
    }
}

fn the_delay_of_the_user_manager_and_the_end_of_idle_sessions_are_reported(release: Release) {
    let machine = Machine::boot(release);
    install_sudo(&machine);
    let unless_old = |fact| match release {
        Debian11 => ("idle-sessions", "unsupported"),
        _ => fact,
    };
    let (left, ended) = (("idle-sessions", "left"), ("idle-sessions", "ended"));
    for (settings, delay, idle, lingers) in [
        ("", ("user-stop-delay", "seconds"), left, ("lingers", "no")),
        (
            "UserStopDelaySec=0 StopIdleSessionSec=infinity",
            ("user-stop-delay", "none"),
            left,
            ("lingers", "no"),
        ),
        (
            "UserStopDelaySec=infinity StopIdleSessionSec=1h",
            ("user-stop-delay", "forever"),
            ended,
            ("lingers", "until-reboot"),
        ),
    ] {
        set_logind(&machine, settings);
        let report = machine.check(&[POLICY, "linger"]);
        let idle = unless_old(idle);
        report.assert_facts(POLICY, &[delay, idle]);
        report.assert_facts("linger", &[lingers]);
        assert_eq!(report.verdict(POLICY), if idle == ended { "warn" } else { "ok" });
        assert_eq!(report.verdict("linger"), if lingers.1 == "no" { "fail" } else { "warn" });
        if idle == ended {
            machine.script("root", &report.fix(POLICY));
            assert_eq!(machine.check(&[POLICY]).verdict(POLICY), "ok");
        }
    }
}

fn processes_of_root_keep_running_and_without_logind_the_check_is_skipped(release: Release) {
    let machine = Machine::boot(release);
    let as_root = |args: &[&str]| {
        let doctor = ["doctor", "check", "--format", "json", POLICY];
        Report::read(&machine.root(&[&doctor, args].concat()))
    };
    set_logind(&machine, "KillUserProcesses=yes");
    as_root(&[]).assert_facts(POLICY, &[("session-processes", "left")]);
    assert_eq!(as_root(&["--manager", "system"]).verdict(POLICY), "skipped");
    machine.script("root", "systemctl stop systemd-logind 2>&1");
    assert_eq!(as_root(&[]).verdict(POLICY), "unmeasured");
    machine.script("root", "systemctl mask systemd-logind 2>&1");
    assert_eq!(as_root(&[]).verdict(POLICY), "skipped");
}
