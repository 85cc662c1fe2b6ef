//! tmux servers from which the user's manager can be reached, and those from which it cannot.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};

const BUS: &str = "tmux-bus-env";
/// Options of env(1) that take away both variables that lead to a bus.
const NO_BUS: &str = "-u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS";

/// A machine whose user `agent` has a manager that stays, so that servers outlive the session in
/// which they were started.
fn machine_with_linger(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine
}

/// A line of shell that starts a tmux server with `variables` and no other way to a bus.
fn server(socket: &str, variables: &str) -> String {
    format!("env {NO_BUS} {variables} tmux -f /dev/null -S {socket} new-session -d cat\n")
}

/// Examines the servers after `script`: their state must be `expected`. Mends them as the report
/// says, and sees that they are well.
#[track_caller]
fn see_and_mend(machine: &Machine, script: &str, expected: &str, verdict: &str) -> Report {
    let report = machine.check_in(&format!("{script}\nexec \"$@\""), &[BUS]);
    report.assert_facts(BUS, &[("servers", expected), ("set-environment", "lives")]);
    assert_eq!(report.verdict(BUS), verdict);
    let mended = machine.check_in(&format!("{}\nexec \"$@\"", report.fix(BUS)), &[BUS]);
    mended.assert_facts(BUS, &[("servers", "reach")]);
    assert_eq!(mended.verdict(BUS), "known");
    report
}

#[rstest]
fn a_wrapped_pane_dies_in_a_server_without_a_bus_and_lives_after_set_environment(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&[BUS]);
    report.assert_facts(
        BUS,
        &[
            ("servers", "none"),
            ("user-bus", "listens"),
            ("wrapped-pane", "dies"),
            ("set-environment", "lives"),
            ("update-environment", "dies"),
            ("update-environment-new-session", "lives"),
            ("update-environment-over-global", "dies"),
        ],
    );
    assert_eq!(report.verdict(BUS), "known");
    assert_eq!(report.status, 0);
    assert_eq!(machine.script("agent", "ls -A /tmp/tmux-1000 2>/dev/null || true"), "");

    // The doctor's own environment has no bus either: the manager is found where it always is.
    let bare = machine.check_in(&format!("exec env {NO_BUS} \"$@\""), &[BUS]);
    bare.assert_facts(BUS, &[("wrapped-pane", "dies"), ("set-environment", "lives")]);

    let without_tmux = "mkdir ~/bin; for f in /usr/bin/* /usr/local/bin/*; do ln -s \"$f\" ~/bin; done; \
                        rm ~/bin/tmux; PATH=~/bin exec \"$@\"";
    let skipped = machine.check_in(without_tmux, &[BUS]);
    assert_eq!(skipped.verdict(BUS), "skipped");
    assert_eq!(skipped.probe(BUS)["reason"], "tmux is not in PATH");
}

#[rstest]
fn a_server_that_cannot_reach_the_user_manager_is_found_and_mended(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = machine_with_linger(release);
    let good = "XDG_RUNTIME_DIR=/run/user/1000";
    let healthy = machine.check_in(&(server("/tmp/good", good) + "exec \"$@\""), &[BUS]);
    healthy.assert_facts(BUS, &[("servers", "reach")]);
    assert_eq!(healthy.verdict(BUS), "known");

    let stop = "kill -STOP $(tmux -S /tmp/good display-message -p '#{pid}')";
    see_and_mend(&machine, stop, "silent", "warn");
    see_and_mend(&machine, "rm /tmp/good", "unreachable", "warn");

    let dead_bus = format!("{good} DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/gone");
    for (number, (variables, state, verdict)) in [
        ("", "unset", "fail"),
        ("XDG_RUNTIME_DIR= DBUS_SESSION_BUS_ADDRESS=", "unset", "fail"),
        ("XDG_RUNTIME_DIR=/run/user/4242", "stale", "fail"),
        ("DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/gone", "stale", "fail"),
        ("XDG_RUNTIME_DIR=/run/user", "foreign", "fail"),
        ("DBUS_SESSION_BUS_ADDRESS=unix:abstract=gone", "other-bus", "fail"),
        (&dead_bus, "dead-bus-address", "warn"),
    ]
    .into_iter()
    .enumerate()
    {
        let script = server(&format!("/tmp/server-{number}"), variables);
        let report = see_and_mend(&machine, &script, state, verdict);
        let start = format!("tmux -S /tmp/server-{number} set-environment -g");
        assert!(report.fix(BUS).starts_with(&start), "{}", report.fix(BUS));
    }

    // Without a message bus the manager alone will do, and no address of a bus is given.
    let no_bus = server("/tmp/last", "") + "systemctl --user stop dbus.socket dbus.service";
    let report = see_and_mend(&machine, &no_bus, "unset", "fail");
    report.assert_facts(BUS, &[("user-bus", "absent")]);
}

#[rstest]
fn only_the_bad_ones_of_several_servers_are_named_and_nothing_else_of_them_is_told(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = machine_with_linger(release);
    machine.script(
        "other",
        &format!("env {NO_BUS} tmux -f /dev/null -S /tmp/others new-session -d cat"),
    );
    let secret = "TOKEN=hunter2secret";
    let script = [
        "mkdir '/tmp/my agents'".to_owned(),
        server("/tmp/good", &format!("{secret} XDG_RUNTIME_DIR=/run/user/1000")),
        server("'/tmp/my agents/bad'", secret),
        server("/tmp/worse", &format!("{secret} XDG_RUNTIME_DIR=/run/user")),
        "tmux -S '/tmp/my agents/bad' rename-session '##(touch /tmp/expanded)'".to_owned(),
        "tmux -S '/tmp/my agents/bad' list-sessions | grep -qF '#(touch /tmp/expanded)'".to_owned(),
    ];
    let report = see_and_mend(&machine, &script.join("\n"), "foreign", "fail");
    let fix = report.fix(BUS);
    assert!(fix.contains("tmux -S '/tmp/my agents/bad' set-environment -g"), "{fix}");
    assert!(fix.contains("tmux -S /tmp/worse set-environment -g"), "{fix}");
    let text = report.json().to_string();
    for untold in ["/tmp/good (", "/tmp/others", "hunter2secret", "touch"] {
        assert!(!text.contains(untold), "{untold}: {text}");
    }
    assert_eq!(machine.script("agent", "ls /tmp/expanded 2>/dev/null || true"), "");
}
