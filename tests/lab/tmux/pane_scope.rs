//! The cgroup into which tmux moves a pane.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_pane_leaves_the_session_of_its_server_but_not_the_slice_of_a_service);

const SCOPE: FactCheck = FactCheck("tmux-pane-scope");
/// Runs the doctor in a scope of the user manager.
const IN_USER_SCOPE: &str = "exec systemd-run --user --scope --quiet \"$@\"";

fn a_pane_leaves_the_session_of_its_server_but_not_the_slice_of_a_service(release: Release) {
    let machine = Machine::boot(release);
    let (outside, service, stop, verdict) = match release {
        Debian11 | Debian12 => ("server-cgroup", "server-cgroup", "same-unit", "ok"),
        Debian12Backports | Debian13 => ("manager-root", "server-slice", "apart", "known"),
        _ => ("manager-root", "server-slice", "part-of", "known"),
    };
    let inside = [
        ("service-server", service),
        ("bare-server", "server-cgroup"),
        ("mended-server", "server-cgroup"),
        ("server-stop", stop),
    ];
    SCOPE
        .expect(&machine, "", &inside, verdict)
        .assert_facts(SCOPE.0, &[("outside-server", outside)]);

    // In a scope of the user manager the doctor cannot start a server outside that manager.
    let report = SCOPE.expect(&machine, IN_USER_SCOPE, &inside, "ok");
    report.assert_facts(SCOPE.0, &[("outside-server", "")]);

    let list = "systemctl --user list-units --all --no-legend 'launch*' 'tmux-*'; ls /tmp";
    let left = machine.script("agent", list);
    assert!(!left.contains("launch_doctor") && !left.contains("tmux-spawn"), "{left}");
}

#[test]
fn a_tmux_that_finds_the_bus_without_variables_is_noticed() {
    let machine = Machine::boot(Debian13);
    let find_bus = "export XDG_RUNTIME_DIR=/run/user/1000\nexec /usr/bin/tmux \"$@\"";
    let find_bus = with_program("tmux", find_bus);
    SCOPE.expect(
        &machine,
        &find_bus,
        &[("bare-server", "manager-root"), ("mended-server", "manager-root")],
        "regressed",
    );
    SCOPE.expect(
        &machine,
        &format!("{find_bus}\n{IN_USER_SCOPE}"),
        &[("bare-server", "server-slice"), ("mended-server", "server-slice")],
        "regressed",
    );
}
