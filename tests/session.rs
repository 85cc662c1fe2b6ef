//! What becomes of a user's units when the user logs out.

mod lab;

use lab::{Machine, Release, Report};
use rstest::rstest;

/// The doctor as the user `agent` without a session, as a system service runs it.
#[track_caller]
fn check_without_session(machine: &Machine, args: &[&str]) -> Report {
    let service = ["systemd-run", "--quiet", "--wait", "--pipe", "-p", "User=agent", "--"];
    let doctor = ["doctor", "check", "--format", "json"];
    Report::read(&machine.root(&[&service[..], &doctor, args].concat()))
}

#[rstest]
fn lingering_is_told_and_the_fix_switches_it_on(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let off = [("logind", "off"), ("file", "absent"), ("agreement", "agree"), ("lingers", "no")];
    let on = [("logind", "on"), ("file", "there"), ("agreement", "agree"), ("lingers", "yes")];

    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &off);
    report.assert_facts("linger", &[("may-enable", "yes")]);
    assert_eq!(report.verdict("linger"), "fail");
    assert_eq!(report.status, 1);
    assert_eq!(report.fix("linger"), "loginctl enable-linger agent");

    machine.script("agent", &report.fix("linger"));
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &on);
    assert_eq!(report.verdict("linger"), "ok");
    assert_eq!((report.fix("linger"), report.status), (String::new(), 0));

    // Behind logind's back, while the user is there: it looks at the file whenever it is asked.
    machine.script("root", "rm /var/lib/systemd/linger/agent");
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &off);
    assert_eq!(report.verdict("linger"), "fail");
    machine.script("root", "touch /var/lib/systemd/linger/agent");
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &on);
    assert_eq!(report.verdict("linger"), "ok");
}

#[rstest]
fn a_linger_file_made_by_hand_counts_from_the_next_login_on(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let report = check_without_session(&machine, &["linger"]);
    report.assert_facts("linger", &[("logind", "absent"), ("file", "absent"), ("lingers", "no")]);
    assert_eq!(report.verdict("linger"), "fail");

    machine.script("root", "touch /var/lib/systemd/linger/agent");
    let report = check_without_session(&machine, &["linger"]);
    report.assert_facts(
        "linger",
        &[
            ("logind", "absent"),
            ("file", "there"),
            ("agreement", "not-taken-up"),
            ("lingers", "later"),
        ],
    );
    assert_eq!(report.verdict("linger"), "warn");
    assert_eq!(report.fix("linger"), "loginctl enable-linger agent");

    machine.script("agent", "true");
    let report = check_without_session(&machine, &["linger"]);
    report.assert_facts("linger", &[("logind", "on"), ("agreement", "agree"), ("lingers", "yes")]);
    assert_eq!(report.verdict("linger"), "ok");

    machine.script("root", "rm /var/lib/systemd/linger/agent");
    let report = check_without_session(&machine, &["linger"]);
    report.assert_facts("linger", &[("logind", "off"), ("file", "absent"), ("lingers", "no")]);
    assert_eq!(report.verdict("linger"), "fail");
}

/// Makes polkit answer `answer` (`no` or `auth_self`) when agent wants to switch on lingering.
fn polkit_answers(machine: &Machine, answer: &str) {
    // polkit 0.105 of Debian 11 knows no rules in JavaScript.
    let file = match machine.release() {
        Release::Debian11 => format!(
            "f=/etc/polkit-1/localauthority/50-local.d/t.pkla; printf '%s\\n' '[t]' \
             Identity=unix-user:agent Action=org.freedesktop.login1.set-self-linger \
             ResultAny={answer} ResultInactive={answer} ResultActive={answer} >$f"
        ),
        _ => format!(
            "echo 'polkit.addRule(function(action, subject) {{ \
             if (action.id == \"org.freedesktop.login1.set-self-linger\" && subject.user == \
             \"agent\") return \"{answer}\"; }});' >/etc/polkit-1/rules.d/10-t.rules"
        ),
    };
    machine.script("root", &format!("{file}; systemctl restart polkit"));
}

#[rstest]
fn who_may_switch_on_lingering_is_foretold_by_polkit(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let may_enable = || {
        let report = machine.check(&["linger"]);
        assert_eq!(report.verdict("linger"), "fail");
        let enabled = machine.agent(&["loginctl", "enable-linger", "agent"]).status.success();
        if enabled {
            machine.script("agent", "loginctl disable-linger agent");
        }
        (report.fact("linger", "may-enable").to_owned(), enabled, report.fix("linger"))
    };
    let own_fix = "loginctl enable-linger agent";
    let by_root = format!("sudo {own_fix}");

    assert_eq!(may_enable(), ("yes".into(), true, own_fix.into()));
    polkit_answers(&machine, "auth_self");
    // The password is not asked for where there is no terminal.
    assert_eq!(may_enable(), ("password".into(), false, own_fix.into()));
    polkit_answers(&machine, "no");
    assert_eq!(may_enable(), ("root".into(), false, by_root.clone()));
    machine.script("root", "systemctl mask --now polkit 2>&1");
    assert_eq!(may_enable(), ("root".into(), false, by_root.clone()));

    machine.script("root", by_root.trim_start_matches("sudo "));
    assert_eq!(machine.check(&["linger"]).verdict("linger"), "ok");
    let root = Report::read(&machine.root(&["doctor", "check", "--format", "json", "linger"]));
    root.assert_facts("linger", &[("may-enable", "yes"), ("lingers", "no")]);
    machine.script("root", &root.fix("linger"));
    let root = Report::read(&machine.root(&["doctor", "check", "--format", "json", "linger"]));
    root.assert_facts("linger", &[("lingers", "yes")]);
}

#[rstest]
fn without_logind_only_the_file_is_known(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let reason = |report: &Report| report.probe("linger")["reason"].as_str().unwrap().to_owned();

    machine.script("root", "systemctl stop systemd-logind 2>&1");
    let report = check_without_session(&machine, &["linger"]);
    assert_eq!((report.verdict("linger"), report.status), ("unmeasured", 3));
    assert!(reason(&report).contains("there is no /var/lib/systemd/linger/agent"));
    let state = machine.root(&["systemctl", "is-active", "systemd-logind"]);
    assert_eq!(state.stdout, b"inactive\n", "the doctor started logind");

    machine
        .script("root", "touch /var/lib/systemd/linger/agent; systemctl mask systemd-logind 2>&1");
    let report = check_without_session(&machine, &["linger"]);
    assert_eq!((report.verdict("linger"), report.status), ("skipped", 0));
    assert!(reason(&report).contains("logind is masked"));
    assert!(reason(&report).contains("/var/lib/systemd/linger/agent is there"));

    let report = check_without_session(&machine, &["linger", "--manager", "system"]);
    assert_eq!((report.verdict("linger"), report.status), ("skipped", 0));
    assert!(reason(&report).contains("system manager"));
}

#[rstest]
fn a_file_that_cannot_be_seen_or_is_not_logind_s_is_told_apart(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; chmod 700 /var/lib/systemd/linger");
    let report = machine.check(&["linger"]);
    report.assert_facts(
        "linger",
        &[("logind", "on"), ("file", "hidden"), ("agreement", "unknown"), ("lingers", "yes")],
    );
    assert_eq!(report.verdict("linger"), "ok");
    machine.script("root", "loginctl disable-linger agent");
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &[("logind", "off"), ("file", "hidden"), ("lingers", "no")]);
    assert_eq!(report.verdict("linger"), "fail");

    // A doctor in a mount namespace with another /var than logind's.
    let elsewhere = "loginctl enable-linger root; exec unshare --mount sh -ec 'mount -t tmpfs \
                     none /var/lib/systemd/linger; exec doctor check --format json linger'";
    let report = Report::read(&machine.root(&["sh", "-ec", elsewhere]));
    report.assert_facts(
        "linger",
        &[("logind", "on"), ("file", "absent"), ("agreement", "other-file"), ("lingers", "yes")],
    );
    assert_eq!(report.verdict("linger"), "warn");
}

#[rstest]
#[case("o'neil", "o\\'neil", "loginctl enable-linger 'o'\\''neil'")]
#[case("j\u{f6}rg", "j\\303\\266rg", "loginctl enable-linger 'j\u{f6}rg'")]
fn a_user_s_name_is_data(
    #[case] name: &str,
    #[case] file: &str,
    #[case] fix: &str,
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let entry = format!("{name}:x:1002:1001::/home/other:/bin/sh");
    machine.root(&["sh", "-c", "echo \"$0\" >>/etc/passwd", &entry]);
    let entry = format!("{name}:*:20000:0:99999:7:::");
    machine.root(&["sh", "-c", "echo \"$0\" >>/etc/shadow", &entry]);
    let check = ["setpriv", "--reuid=1002", "--regid=1001", "--clear-groups"];
    let doctor = ["doctor", "check", "--format", "json", "linger"];

    let report = Report::read(&machine.root(&[&check[..], &doctor].concat()));
    report.assert_facts("linger", &[("logind", "absent"), ("file", "absent"), ("lingers", "no")]);
    assert_eq!(report.fix("linger"), fix);

    machine.script("root", &report.fix("linger"));
    let made = machine.script("root", "ls -N /var/lib/systemd/linger");
    assert_eq!(made.trim_end(), file);
    let report = Report::read(&machine.root(&[&check[..], &doctor].concat()));
    report.assert_facts(
        "linger",
        &[("logind", "on"), ("file", "there"), ("agreement", "agree"), ("lingers", "yes")],
    );
}

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
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
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
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    with_sudo(&machine);
    let unless_old = |value| if release == Release::Debian11 { "unsupported" } else { value };
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
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
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
