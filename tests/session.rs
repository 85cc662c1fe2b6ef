//! Whether a user lingers, and who may switch it on.

mod lab;

use lab::Release::*;
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
        Debian11 => format!(
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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
