//! The cgroup into which tmux moves a pane.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_pane_leaves_the_session_of_its_server_but_not_the_slice_of_a_service);
on_each_release!(scopes_that_a_short_pane_left_are_found_and_the_fix_ends_them_alone);

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
        ("empty-scopes", "none"),
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

/// Opens panes that end at once beside one that stays, until a scope has no process or `$1` panes have been opened, and lets
/// such scopes look a day old. Prints how many there are.
const SHORT_PANES: &str = r#"
    cd /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
    empty() { grep -rlx --include=cgroup.events 'populated 0' . | grep -o 'tmux-spawn-[^/]*' || true; }
    tmux -L short -f /dev/null new-session -d -s stays 'sleep 1000'
    for pane in $(seq "$1"); do
        tmux -L short new-window -d -t stays: 'exec true'
        [ $((pane % 20)) -eq 0 ] || continue
        until [ "$(tmux -L short list-windows | wc -l)" -eq 1 ]; do :; done
        systemctl --user list-units >/dev/null
        [ -z "$(empty)" ] || break
    done
    for scope in $(empty); do touch -d yesterday "$XDG_RUNTIME_DIR/systemd/transient/$scope"; done
    empty | wc -l"#;

fn scopes_that_a_short_pane_left_are_found_and_the_fix_ends_them_alone(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let leaves_some = matches!(release, Debian12Backports | Debian13);
    let most = if leaves_some { "400" } else { "40" };
    let opened = machine.agent(&["sh", "-ec", SHORT_PANES, "sh", most]);
    let count = String::from_utf8_lossy(&opened.stdout).trim().parse::<usize>();
    assert_eq!(count.map(|count| count > 0), Ok(leaves_some), "{opened:?}");
    if leaves_some {
        let report = SCOPE.expect(&machine, "", &[("empty-scopes", "some")], "warn");
        assert_eq!(report.fix(SCOPE.0), "systemctl --user daemon-reload");
        machine.script("agent", &report.fix(SCOPE.0));
    }
    machine.check(&[SCOPE.0]).assert_facts(SCOPE.0, &[("empty-scopes", "none")]);
    let alive = "tmux -L short list-panes -t stays: -F '#{pane_dead}'; tmux -L short kill-server";
    assert_eq!(machine.script("agent", alive).trim(), "0");
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
