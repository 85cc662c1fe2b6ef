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

#[rstest]
fn systemd_258_expands_the_command_of_a_scope_and_two_remedies_keep_it_whole(
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
    let report = machine.check(&["scope-argument-expansion"]);
    let expands = release.systemd() >= 258;
    let rewritten = if expands { "rewritten" } else { "untouched" };
    let has_option = release.systemd() >= 254;
    report.assert_facts(
        "scope-argument-expansion",
        &[
            ("command", rewritten),
            ("braces", rewritten),
            ("braces-unset", rewritten),
            ("braces-operator", rewritten),
            ("dollar-pair", rewritten),
            ("whole-variable", rewritten),
            ("leading-variable", if expands { "gone" } else { "untouched" }),
            ("inner-variable", "untouched"),
            ("substitution", "untouched"),
            ("percent", "untouched"),
            ("eval", "untouched"),
            ("expand-no", if has_option { "untouched" } else { "refused" }),
            ("warning", if has_option && !expands { "given" } else { "none" }),
        ],
    );
    let verdict = if expands { "known" } else { "ok" };
    assert_eq!((report.verdict("scope-argument-expansion"), report.status), (verdict, 0));
    assert_eq!(report.fix("scope-argument-expansion").is_empty(), !expands);

    // The wrapper of the second document, and the remedy that the card offers for every release.
    let command = "X=inner; test \"${X}\" = inner && kill -0 $$ && echo whole";
    let wrapped =
        machine.agent(&["systemd-run", "--user", "--scope", "--quiet", "--", "sh", "-c", command]);
    assert_eq!(wrapped.stdout == b"whole\n", !expands);
    let variable = format!("DOCTOR_COMMAND={command}");
    let eval = ["--scope", "--quiet", "--", "sh", "-c", "eval \"$DOCTOR_COMMAND\""];
    let remedied =
        machine.agent(&[&["env", &variable, "systemd-run", "--user"], &eval[..]].concat());
    assert_eq!(remedied.stdout, b"whole\n");
    let own = "systemctl --user list-units --all --plain --no-legend 'launch*'";
    assert_eq!(machine.script("agent", own), "");
}
