//! The gate: the day something changes, it goes red and says what.

mod lab;

use lab::Release::*;
use lab::{Machine, Release};
use rstest::rstest;

#[rstest]
fn a_host_passes_the_gate_against_the_cards_and_against_its_own_record(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let told = machine.script("agent", "doctor gate 2>&1 || echo RED $?");
    assert!(!told.contains("RED"), "{told}");
    machine.script(
        "agent",
        "doctor record -o a; doctor record >b; cmp a b; doctor gate --against a; doctor diff a b",
    );
}

#[test]
fn a_changed_record_makes_a_relaxable_and_a_regressed_verdict_with_their_evidence() {
    let machine = Machine::boot(Debian13);
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

const RECORD: &str = concat!(
    "schema = 1\ndoctor = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nfact-count = 1\nwithout-facts = []\n[versions]\nsystemd = \"257\"\n[facts.flock-order]\ntwo = \"serialized\"\n"
);

#[rstest]
#[case::another_schema(RECORD.replace("schema = 1", "schema = 7"), "has schema 7; this doctor reads schema 1")]
#[case::another_doctor(RECORD.replace(env!("CARGO_PKG_VERSION"), "9.9.9"), "was written by doctor 9.9.9")]
#[case::truncated(RECORD[..RECORD.len() - 10].to_owned(), "is not a record of `doctor record`")]
#[case::truncated_between_lines(
    RECORD[..RECORD.len() - 19].to_owned(),
    "is truncated or was edited: it announces 1 facts and holds 0"
)]
#[case::not_toml("{".to_owned(), "is not a record of `doctor record`")]
#[case::empty(String::new(), "is not a record of `doctor record`")]
fn a_record_that_cannot_be_used_is_one_clear_message(#[case] text: String, #[case] message: &str) {
    let dir = tempfile::TempDir::new().unwrap();
    let record = dir.path().join("record");
    std::fs::write(&record, text).unwrap();
    gate_refuses(&record, message);
}

#[test]
fn a_record_that_cannot_be_read_is_one_clear_message() {
    let dir = tempfile::TempDir::new().unwrap();
    gate_refuses(dir.path(), "cannot read the record");
    gate_refuses(&dir.path().join("missing"), "cannot read the record");
}

#[track_caller]
fn gate_refuses(record: &std::path::Path, message: &str) {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_doctor"))
        .args(["gate", "--against"])
        .arg(record)
        .assert()
        .failure()
        .stdout("")
        .stderr(predicates::str::contains(message));
}

/// Drift, made for real: a record of one release held against another.
#[rstest]
#[case(Debian11, Debian14)]
#[case(Debian14, Debian12)]
fn a_record_held_against_another_release_shows_what_the_matrix_says_differs(
    #[case] recorded: Release,
    #[case] measured: Release,
) {
    let record = |release: Release| {
        let file = format!("{}/docs/records/{}.toml", env!("CARGO_MANIFEST_DIR"), release.name());
        std::fs::read_to_string(file).unwrap()
    };
    let differences = differing_facts(&record(recorded), &record(measured));
    assert!(!differences.is_empty(), "nothing differs between {recorded:?} and {measured:?}");

    let machine = Machine::boot(measured);
    machine.script("root", "loginctl enable-linger agent");
    let text = record(recorded);
    let script = format!(
        "cat >record <<'END'\n{text}END\ndoctor gate --deep --against record --format json || true"
    );
    let report: serde_json::Value =
        serde_json::from_str(machine.script("agent", &script).trim()).expect("a JSON report");
    let mut changed: Vec<String> = Vec::new();
    for probe in report["probes"].as_array().unwrap() {
        for finding in probe["findings"].as_array().unwrap() {
            let (probe, fact) = (probe["id"].as_str().unwrap(), finding["fact"].as_str().unwrap());
            changed.push(format!("{probe} {fact}"));
        }
    }
    changed.sort();
    assert_eq!(changed, differences);
    assert_eq!(report["exit"], 1);
}

/// The facts that two records both have and that differ, as `probe fact`, in order.
fn differing_facts(a: &str, b: &str) -> Vec<String> {
    let (a, b): (toml::Table, toml::Table) = (a.parse().unwrap(), b.parse().unwrap());
    let mut differing = Vec::new();
    for (probe, facts) in a["facts"].as_table().unwrap() {
        for (fact, value) in facts.as_table().unwrap() {
            let other = b["facts"].get(probe).and_then(|facts| facts.get(fact));
            if other.is_some_and(|other| other != value) {
                differing.push(format!("{probe} {fact}"));
            }
        }
    }
    differing.sort();
    differing
}
