//! The gate: the day something changes, it goes red and says what.

mod lab;

use lab::{Machine, Release};
use rstest::rstest;

#[rstest]
fn a_host_passes_the_gate_against_the_cards_and_against_its_own_record(
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
    machine.script("root", "loginctl enable-linger agent");
    let told = machine.script("agent", "doctor gate 2>&1 || echo RED $?");
    assert!(!told.contains("RED"), "{told}");
    machine.script("agent", "doctor record -o a; doctor record >b; cmp a b; doctor gate --against a; doctor diff a b");
}

#[test]
fn a_changed_record_makes_a_relaxable_and_a_regressed_verdict_with_their_evidence() {
    let machine = Machine::boot(Release::Debian13);
    let told = machine.script(
        "agent",
        r#"doctor record env-block-spaces -o record
           sed -i 's/^spaces = .*/spaces = "delivered"/; s/^quoted-value = .*/quoted-value = "rejected"/' record
           doctor gate env-block-spaces --against record && exit 9; echo "status $?""#,
    );
    for expected in [
        "regressed: spaces was recorded as `delivered` and is `rejected`",
        "relaxable: quoted-value was recorded as `rejected` and is `delivered`",
        "The workaround may go",
        "measured by: systemd-run --user",
        "1 regressed in",
        "status 1",
    ] {
        assert!(told.contains(expected), "{expected} is not in:\n{told}");
    }
}

#[rstest]
#[case::another_schema("sed -i 's/^schema = .*/schema = 7/' record", "has schema 7; this doctor reads schema 1")]
#[case::another_doctor("sed -i 's/^doctor = .*/doctor = \"9.9.9\"/' record", "was written by doctor 9.9.9")]
#[case::truncated("head -c 120 record >r; mv r record", "is not a record of `doctor record`")]
#[case::not_toml("echo '{' >record", "is not a record of `doctor record`")]
#[case::empty(": >record", "is not a record of `doctor record`")]
#[case::a_directory("rm record; mkdir record", "cannot read the record record")]
#[case::unreadable("chmod 0 record", "cannot read the record record")]
fn a_record_that_cannot_be_used_is_one_clear_message(#[case] spoil: &str, #[case] message: &str) {
    let machine = Machine::boot(Release::Debian13);
    let script = format!(
        "doctor record env-block-spaces -o record; {spoil}; doctor gate --against record >out 2>err; echo \"status $?\"; cat err; test ! -s out"
    );
    let told = machine.script("agent", &script);
    assert!(told.contains("status 2") && told.contains(message), "{told}");
}
