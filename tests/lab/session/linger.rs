//! Whether lingering is enabled, and who may enable it.

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};
use rstest::rstest;

on_each_release!(disabled_lingering_is_found_and_enabled_by_the_fix);
on_each_release!(a_linger_file_made_by_hand_counts_from_the_next_login_on);
on_each_release!(polkit_decides_who_may_enable_lingering);
on_each_release!(without_logind_only_the_file_is_known);
on_each_release!(a_file_that_is_unreadable_or_not_that_of_logind_is_distinguished);

/// Runs the doctor as the user `agent` without a session, as a system service does.
#[track_caller]
fn check_without_session(machine: &Machine, args: &[&str]) -> Report {
    let service = ["systemd-run", "--quiet", "--wait", "--pipe", "-p", "User=agent", "--"];
    let doctor = ["doctor", "check", "--format", "json"];
    Report::read(&machine.root(&[&service[..], &doctor, args].concat()))
}

fn disabled_lingering_is_found_and_enabled_by_the_fix(release: Release) {
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

    // logind checks the file at each request while the user is logged in.
    machine.script("root", "rm /var/lib/systemd/linger/agent");
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &off);
    assert_eq!(report.verdict("linger"), "fail");
    machine.script("root", "touch /var/lib/systemd/linger/agent");
    let report = machine.check(&["linger"]);
    report.assert_facts("linger", &on);
    assert_eq!(report.verdict("linger"), "ok");
}

fn a_linger_file_made_by_hand_counts_from_the_next_login_on(release: Release) {
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

/// Makes polkit answer `answer` (`no` or `auth_self`) when agent enables lingering.
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

fn polkit_decides_who_may_enable_lingering(release: Release) {
    let machine = Machine::boot(release);
    let own_fix = "loginctl enable-linger agent";
    let by_root = format!("sudo {own_fix}");
    let expect = |fact: (&str, &str), is_allowed: bool, fix: &str| {
        let report = machine.check(&["linger"]);
        report.assert_facts("linger", &[fact]);
        assert_eq!(report.verdict("linger"), "fail");
        assert_eq!(report.fix("linger"), fix);
        let enabled = machine.agent(&["loginctl", "enable-linger", "agent"]).status.success();
        assert_eq!(enabled, is_allowed);
        if enabled {
            machine.script("agent", "loginctl disable-linger agent");
        }
    };

    expect(("may-enable", "yes"), true, own_fix);
    polkit_answers(&machine, "auth_self");
    // Without a terminal polkit cannot ask for the password.
    expect(("may-enable", "password"), false, own_fix);
    polkit_answers(&machine, "no");
    expect(("may-enable", "root"), false, &by_root);
    machine.script("root", "systemctl mask --now polkit 2>&1");
    expect(("may-enable", "root"), false, &by_root);

    machine.script("root", by_root.trim_start_matches("sudo "));
    assert_eq!(machine.check(&["linger"]).verdict("linger"), "ok");
    let root = Report::read(&machine.root(&["doctor", "check", "--format", "json", "linger"]));
    root.assert_facts("linger", &[("may-enable", "yes"), ("lingers", "no")]);
    machine.script("root", &root.fix("linger"));
    let root = Report::read(&machine.root(&["doctor", "check", "--format", "json", "linger"]));
    root.assert_facts("linger", &[("lingers", "yes")]);
}

fn without_logind_only_the_file_is_known(release: Release) {
    let machine = Machine::boot(release);
    let reason = |report: &Report| report.probe("linger")["reason"].as_str().unwrap().to_owned();

    machine.script("root", "systemctl stop systemd-logind 2>&1");
    let report = check_without_session(&machine, &["linger"]);
    assert_eq!((report.verdict("linger"), report.status), ("unmeasured", 3));
    assert!(reason(&report).contains("/var/lib/systemd/linger/agent does not exist"));
    let state = machine.root(&["systemctl", "is-active", "systemd-logind"]);
    assert_eq!(state.stdout, b"inactive\n", "the doctor started logind");

    machine
        .script("root", "touch /var/lib/systemd/linger/agent; systemctl mask systemd-logind 2>&1");
    let report = check_without_session(&machine, &["linger"]);
    assert_eq!((report.verdict("linger"), report.status), ("skipped", 0));
    assert!(reason(&report).contains("logind is masked"));
    assert!(reason(&report).contains("/var/lib/systemd/linger/agent exists"));

    let report = check_without_session(&machine, &["linger", "--manager", "system"]);
    assert_eq!((report.verdict("linger"), report.status), ("skipped", 0));
    assert!(reason(&report).contains("system manager"));
}

fn a_file_that_is_unreadable_or_not_that_of_logind_is_distinguished(release: Release) {
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
