//! What becomes of a user's processes and units when the user logs out.

mod lab;

use lab::Release::*;
use lab::{Machine, Release, Report};
use rstest::rstest;

/// Writes settings of logind's and has it read them, as an operator does.
fn set_logind(machine: &Machine, settings: &str) {
    let script = format!(
        "mkdir -p /etc/systemd/logind.conf.d; printf '%s\\n' '[Login]' {settings} \
         >/etc/systemd/logind.conf.d/10-test.conf; systemctl kill --signal=HUP systemd-logind"
    );
    machine.script("root", &script);
}

/// What becomes of a process that a session leaves behind: `left` or `killed`.
fn fate_of_leftover(machine: &Machine) -> String {
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

/// Gives the machine a `sudo` for root, so that a fix can be run as it is shown.
fn with_sudo(machine: &Machine) {
    let script = "printf '#!/bin/sh\\nexec \"$@\"\\n' >/usr/local/bin/sudo; chmod 755 \
                  /usr/local/bin/sudo";
    machine.script("root", script);
}

#[rstest]
fn what_logind_does_to_leftovers_is_foretold_from_its_settings(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    with_sudo(&machine);
    for (settings, kill, only, exclude, fate) in [
        ("", "no", "empty", "empty", "left"),
        ("KillUserProcesses=yes", "yes", "empty", "empty", "killed"),
        ("KillUserProcesses=no KillOnlyUsers=agent", "no", "named", "empty", "killed"),
        ("KillUserProcesses=yes KillOnlyUsers=other", "yes", "others", "empty", "left"),
        ("KillUserProcesses=yes KillExcludeUsers=agent", "yes", "empty", "named", "left"),
        ("KillUserProcesses=yes KillExcludeUsers=other", "yes", "empty", "others", "killed"),
    ] {
        set_logind(&machine, settings);
        let report = machine.check(&["logout-policy"]);
        report.assert_facts(
            "logout-policy",
            &[
                ("kill-user-processes", kill),
                ("kill-only-users", only),
                ("kill-exclude-users", exclude),
                ("session-processes", fate),
            ],
        );
        let verdict = if fate == "killed" { "warn" } else { "ok" };
        assert_eq!(report.verdict("logout-policy"), verdict);
        assert_eq!(fate_of_leftover(&machine), fate, "{settings}");
        if fate == "killed" {
            machine.script("root", &report.fix("logout-policy"));
            let report = machine.check(&["logout-policy"]);
            report.assert_facts("logout-policy", &[("session-processes", "left")]);
            assert_eq!(report.verdict("logout-policy"), "ok");
            assert_eq!(fate_of_leftover(&machine), "left", "after the fix of {settings}");
            machine.script("root", "rm /etc/systemd/logind.conf.d/50-agents.conf");
        }
    }
}

#[rstest]
fn the_end_of_idle_sessions_and_of_the_user_manager_are_told(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    with_sudo(&machine);
    let unless_old = |value| if release == Debian11 { "unsupported" } else { value };
    for (settings, delay, idle, lingers) in [
        ("", "seconds", "left", "no"),
        ("UserStopDelaySec=0 StopIdleSessionSec=infinity", "none", "left", "no"),
        ("UserStopDelaySec=infinity StopIdleSessionSec=1h", "forever", "ended", "until-reboot"),
    ] {
        set_logind(&machine, settings);
        let report = machine.check(&["logout-policy", "linger"]);
        let idle = unless_old(idle);
        report
            .assert_facts("logout-policy", &[("user-stop-delay", delay), ("idle-sessions", idle)]);
        report.assert_facts("linger", &[("lingers", lingers)]);
        let verdict = if idle == "ended" { "warn" } else { "ok" };
        assert_eq!(report.verdict("logout-policy"), verdict);
        assert_eq!(report.verdict("linger"), if lingers == "no" { "fail" } else { "warn" });
        if idle == "ended" {
            machine.script("root", &report.fix("logout-policy"));
            assert_eq!(machine.check(&["logout-policy"]).verdict("logout-policy"), "ok");
        }
    }
}

#[rstest]
fn root_is_spared_and_a_policy_without_logind_is_skipped(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let as_root = |args: &[&str]| {
        let doctor = ["doctor", "check", "--format", "json", "logout-policy"];
        Report::read(&machine.root(&[&doctor, args].concat()))
    };
    set_logind(&machine, "KillUserProcesses=yes");
    as_root(&[]).assert_facts("logout-policy", &[("session-processes", "left")]);
    assert_eq!(as_root(&["--manager", "system"]).verdict("logout-policy"), "skipped");
    machine.script("root", "systemctl stop systemd-logind 2>&1");
    assert_eq!(as_root(&[]).verdict("logout-policy"), "unmeasured");
    machine.script("root", "systemctl mask systemd-logind 2>&1");
    assert_eq!(as_root(&[]).verdict("logout-policy"), "skipped");
}

#[rstest]
fn what_outlives_the_last_session_and_terminate_user_is_as_recorded(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "useradd third");
    set_logind(&machine, "UserStopDelaySec=500ms");
    let check = |guests: &str| {
        let guests = format!("DOCTOR_LAB={guests}");
        let doctor = ["env", &guests, "doctor", "check", "--format", "json", "logout-survival"];
        Report::read(&machine.root(&doctor))
    };
    let report = check("agent other third");
    report.assert_facts(
        "logout-survival",
        &[
            ("scope", "ends"),
            ("service", "ends"),
            ("tmux-server", "ends"),
            ("delay", "kept"),
            ("scope-beside-leftover", "lives"),
            ("scope-lingering", "lives"),
            ("service-lingering", "lives"),
            ("tmux-server-lingering", "lives"),
            ("scope-terminated", "ends"),
            ("service-terminated", "ends"),
            ("tmux-server-terminated", "ends"),
            ("manager-terminated", "ends"),
            ("linger-terminated", "lives"),
            ("leftover-terminated", if release.systemd() < 256 { "lives" } else { "ends" }),
        ],
    );
    assert_eq!(report.verdict("logout-survival"), "known");
    let left = machine.script("root", "ps -e -o args= | grep '^sleep infinity' || true");
    let lingering = machine.script("root", "ls /var/lib/systemd/linger");
    assert_eq!((left.as_str(), lingering.as_str()), ("", ""), "it left something behind");

    // A lingering user has no manager after terminate-user, until it is switched on once more.
    let until = |state: &str| {
        format!("until [ \"$(systemctl is-active user@1000)\" = {state} ]; do sleep 0.02; done")
    };
    let (on, off) = ("loginctl enable-linger agent", "loginctl terminate-user agent");
    let (up, down) = (until("active"), until("inactive"));
    machine.script("root", &format!("{on}; {up}; {off}; {down}; {on}; {up}"));
    assert_eq!(check("agent other third").verdict("logout-survival"), "skipped");
}

#[rstest]
fn no_session_is_ended_where_the_lab_did_not_allow_it(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "useradd third; loginctl enable-linger other");
    let skipped = |report: Report, why: &str| {
        assert_eq!(report.verdict("logout-survival"), "skipped");
        let reason = report.probe("logout-survival")["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{reason}");
    };
    let as_root = |guests: &str| {
        let guests = format!("DOCTOR_LAB={guests}");
        let doctor = ["env", &guests, "doctor", "check", "--format", "json", "logout-survival"];
        Report::read(&machine.root(&doctor))
    };
    skipped(as_root(""), "only the lab");
    let as_user =
        machine.check_in("DOCTOR_LAB='agent other third' exec \"$@\"", &["logout-survival"]);
    skipped(as_user, "only the lab");
    skipped(as_root("agent other third"), "UserStopDelaySec is 10 s");
    set_logind(&machine, "UserStopDelaySec=500ms KillUserProcesses=yes");
    skipped(as_root("agent other third"), "KillUserProcesses=yes");
    set_logind(&machine, "UserStopDelaySec=500ms");
    skipped(as_root("third"), "three users");
    skipped(as_root("third root nobody"), "root is no ordinary user");
    skipped(as_root("third other agent"), "other is logged in or lingers");
    let state = machine.script("root", "systemctl is-active user@1001.service");
    assert_eq!(state, "active\n");
}
