//! How scopes behave, release by release.

use rstest::rstest;

use crate::lab::{Machine, Release};

#[rstest]
fn a_wrong_runtime_directory_decides_for_scopes_and_a_wrong_bus_address_for_wait(
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
    let report = machine.check(&["bus-address"]);
    let by_bus = if release.systemd() < 257 { "starts" } else { "refused" };
    report.assert_facts(
        "bus-address",
        &[
            ("scope-neither", "refused"),
            ("scope-dir-alone", "starts"),
            ("scope-bus-alone", "starts"),
            ("scope-dir-wrong", by_bus),
            ("scope-dir-empty", by_bus),
            ("scope-bus-wrong", "starts"),
            ("scope-bus-empty", "starts"),
            ("wait-neither", "refused"),
            ("wait-dir-alone", "starts"),
            ("wait-bus-alone", "starts"),
            ("wait-dir-wrong", "starts"),
            ("wait-dir-empty", "starts"),
            ("wait-bus-wrong", "refused"),
            ("wait-bus-empty", "refused"),
        ],
    );
    assert_eq!((report.verdict("bus-address"), report.status), ("known", 0));

    // It is about the host's way to the manager, and not about the variables of the doctor.
    let report = machine.check_in("unset DBUS_SESSION_BUS_ADDRESS; \"$@\"", &["bus-address"]);
    assert_eq!(report.verdict("bus-address"), "known");
    let report = machine.check(&["bus-address", "--manager", "system"]);
    assert_eq!(report.verdict("bus-address"), "skipped");
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}
