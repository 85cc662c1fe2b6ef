//! What systemd-run does to the command line and the environment of a service.

mod lab;

use lab::{Machine, Release};
use rstest::rstest;

#[rstest]
fn a_value_with_spaces_in_an_environment_property_starts_no_unit(
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
    let report = machine.check(&["env-block-spaces"]);
    report.assert_facts(
        "env-block-spaces",
        &[
            ("spaces", "rejected"),
            ("exit", "nonzero"),
            ("message", "invalid-environment-block"),
            ("started", "no"),
            ("tab", "rejected"),
            ("newline", "rejected"),
            ("lone-quote", "rejected"),
            ("quoted-assignment", "delivered"),
            ("quoted-value", "delivered"),
            ("setenv", "delivered"),
        ],
    );
    assert_eq!(report.verdict("env-block-spaces"), "known");
    assert_eq!(report.status, 0);
}
