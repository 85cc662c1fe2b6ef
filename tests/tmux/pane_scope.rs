//! Where tmux puts a pane in the tree of cgroups.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

const ID: &str = "tmux-pane-scope";

#[rstest]
fn a_pane_leaves_the_session_of_its_server_but_not_the_slice_of_a_service(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let (outside, service, stop, verdict) = match release {
        Debian11 | Debian12 => ("server-cgroup", "server-cgroup", "same-unit", "ok"),
        Debian12Backports | Debian13 => ("manager-root", "server-slice", "apart", "known"),
        Debian14 => ("manager-root", "server-slice", "part-of", "known"),
    };
    let inside = [
        ("service-server", service),
        ("bare-server", "server-cgroup"),
        ("mended-server", "server-cgroup"),
        ("server-stop", stop),
    ];
    let report = machine.check(&[ID]);
    report.assert_facts(ID, &inside);
    report.assert_facts(ID, &[("outside-server", outside)]);
    assert_eq!(report.verdict(ID), verdict);

    // A doctor that runs in a slice of the user's manager has no server outside it.
    let report = machine.check_in("exec systemd-run --user --scope --quiet \"$@\"", &[ID]);
    report.assert_facts(ID, &inside);
    report.assert_facts(ID, &[("outside-server", "")]);
    assert_eq!(report.verdict(ID), "ok");

    let left = "systemctl --user list-units --all --no-legend 'launch*' 'tmux-*'; ls /tmp";
    let left = machine.script("agent", left);
    assert!(!left.contains("launch_doctor") && !left.contains("tmux-spawn"), "{left}");
}
