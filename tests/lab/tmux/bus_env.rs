//! tmux servers whose environment leads to the user manager, and those whose environment does not.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};

on_each_release!(a_wrapped_pane_exits_in_a_server_without_a_bus_and_runs_after_set_environment);
on_each_release!(a_server_that_does_not_lead_to_the_user_manager_is_found_and_fixed: Debian11, Debian12Backports, Debian14);
on_each_release!(only_servers_with_a_problem_are_named_and_nothing_else_of_them_is_reported);

const BUS: &str = "tmux-bus-env";
const BUS_ENV: FactCheck = FactCheck(BUS);
/// Options of env(1) that remove both bus variables.
const NO_BUS: &str = "-u XDG_RUNTIME_DIR -u DBUS_SESSION_BUS_ADDRESS";

/// Boots a machine on which servers outlive the session in which they were started.
fn machine_with_linger(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine
}

/// Returns a line of shell that starts a tmux server with `variables` and no other way to a bus.
fn server(socket: &str, variables: &str) -> String {
    format!("env {NO_BUS} {variables} tmux -f /dev/null -S {socket} new-session -d cat\n")
}

/// Examines the servers after `script`, which must give `expected`. Applies the fix of the report, after
/// which all servers must be reachable.
#[track_caller]
fn expect_and_apply_fix(
    machine: &Machine,
    script: &str,
    expected: (&str, &str),
    verdict: &str,
) -> Report {
    let report =
        BUS_ENV.expect(machine, script, &[expected, ("set-environment", "lives")], verdict);
    BUS_ENV.expect(machine, &report.fix(BUS), &[("servers", "reach")], "known");
    report
}

fn a_wrapped_pane_exits_in_a_server_without_a_bus_and_runs_after_set_environment(release: Release) {
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

    // Without bus variables of its own the doctor finds the user manager at the conventional path.
    let bare = machine.check_in(&format!("exec env {NO_BUS} \"$@\""), &[BUS]);
    bare.assert_facts(BUS, &[("wrapped-pane", "dies"), ("set-environment", "lives")]);

    let without_tmux = "mkdir ~/bin; for f in /usr/bin/* /usr/local/bin/*; do ln -s \"$f\" ~/bin; done; \
                        rm ~/bin/tmux; PATH=~/bin exec \"$@\"";
    let skipped = machine.check_in(without_tmux, &[BUS]);
    assert_eq!(skipped.verdict(BUS), "skipped");
    assert_eq!(skipped.probe(BUS)["reason"], "tmux is not in PATH");
}

fn a_server_that_does_not_lead_to_the_user_manager_is_found_and_fixed(release: Release) {
    let machine = machine_with_linger(release);
    let good = "XDG_RUNTIME_DIR=/run/user/1000";
    let healthy = machine.check_in(&(server("/tmp/good", good) + "exec \"$@\""), &[BUS]);
    healthy.assert_facts(BUS, &[("servers", "reach")]);
    assert_eq!(healthy.verdict(BUS), "known");

    let stop = "kill -STOP $(tmux -S /tmp/good display-message -p '#{pid}')";
    expect_and_apply_fix(&machine, stop, ("servers", "silent"), "warn");
    expect_and_apply_fix(&machine, "rm /tmp/good", ("servers", "unreachable"), "warn");

    let dead_bus = format!("{good} DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/gone");
    for (number, (variables, expected, verdict)) in [
        ("", ("servers", "unset"), "fail"),
        ("XDG_RUNTIME_DIR= DBUS_SESSION_BUS_ADDRESS=", ("servers", "unset"), "fail"),
        ("XDG_RUNTIME_DIR=/run/user/4242", ("servers", "stale"), "fail"),
        ("DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/gone", ("servers", "stale"), "fail"),
        ("XDG_RUNTIME_DIR=/run/user", ("servers", "foreign"), "fail"),
        ("DBUS_SESSION_BUS_ADDRESS=unix:abstract=gone", ("servers", "other-bus"), "fail"),
        (&dead_bus, ("servers", "dead-bus-address"), "warn"),
    ]
    .into_iter()
    .enumerate()
    {
        let script = server(&format!("/tmp/server-{number}"), variables);
        let report = expect_and_apply_fix(&machine, &script, expected, verdict);
        let start = format!("tmux -S /tmp/server-{number} set-environment -g");
        assert!(report.fix(BUS).starts_with(&start), "{}", report.fix(BUS));
    }

    // Without a message bus the fix names the runtime directory alone.
    let no_bus = server("/tmp/last", "") + "systemctl --user stop dbus.socket dbus.service";
    let report = expect_and_apply_fix(&machine, &no_bus, ("servers", "unset"), "fail");
    report.assert_facts(BUS, &[("user-bus", "absent")]);
}

fn only_servers_with_a_problem_are_named_and_nothing_else_of_them_is_reported(release: Release) {
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
    let report = expect_and_apply_fix(&machine, &script.join("\n"), ("servers", "foreign"), "fail");
    let fix = report.fix(BUS);
    assert!(fix.contains("tmux -S '/tmp/my agents/bad' set-environment -g"), "{fix}");
    assert!(fix.contains("tmux -S /tmp/worse set-environment -g"), "{fix}");
    let text = report.json().to_string();
    for private in ["/tmp/good (", "/tmp/others", "hunter2secret", "touch"] {
        assert!(!text.contains(private), "{private}: {text}");
    }
    assert_eq!(machine.script("agent", "ls /tmp/expanded 2>/dev/null || true"), "");
}

#[test]
fn a_systemd_run_that_needs_no_variables_or_works_in_no_pane_is_noticed() {
    let machine = Machine::boot(Debian13);
    let find_manager = "export XDG_RUNTIME_DIR=/run/user/1000\nexec /usr/bin/systemd-run \"$@\"";
    BUS_ENV.expect(
        &machine,
        &with_program("systemd-run", find_manager),
        &[
            ("wrapped-pane", "lives"),
            ("update-environment", "lives"),
            ("update-environment-over-global", "lives"),
        ],
        "relaxable",
    );
    let fail_in_pane = "[ -z \"$TMUX\" ] || exit 1\nexec /usr/bin/systemd-run \"$@\"";
    BUS_ENV.expect(
        &machine,
        &with_program("systemd-run", fail_in_pane),
        &[("set-environment", "dies"), ("update-environment-new-session", "dies")],
        "regressed",
    );
}
