//! The gate: the day something changes, it goes red and says what.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, project};

on_each_tmux!(a_host_passes_the_gate_against_the_cards_and_against_the_record_of_its_release);
on_each_release!(a_host_records_the_same_twice_and_passes_the_gate_against_it: Debian11, Debian14);
on_each_release!(the_gate_is_green_under_the_systems_manager_too);

/// What docs/matrix.md says is what the lab measures today.
fn a_host_passes_the_gate_against_the_cards_and_against_the_record_of_its_release(
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let output = machine.script("agent", "doctor gate 2>&1 || echo RED $?");
    assert!(!output.contains("RED"), "{output}");
    let record = committed_record(release);
    let script =
        format!("cat >record <<'END'\n{record}END\ndoctor gate --against record || echo RED");
    let output = machine.script("agent", &script);
    assert!(
        !output.contains("RED"),
        "measured otherwise than recorded; `ci/record-releases` records anew\n{output}"
    );
}

fn committed_record(release: Release) -> String {
    std::fs::read_to_string(project("docs/records").join(release.record())).unwrap()
}

fn a_host_records_the_same_twice_and_passes_the_gate_against_it(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script(
        "agent",
        "doctor record -o a; doctor record >b; cmp a b; doctor gate --against a; doctor diff a b",
    );
}

fn the_gate_is_green_under_the_systems_manager_too(release: Release) {
    let machine = Machine::boot(release);
    let output = machine.script("root", "doctor gate --manager system 2>&1 || echo RED $?");
    assert!(!output.contains("RED"), "{output}");
    // What makes no sense there is skipped, with the reason.
    assert!(output.contains("linger: the system manager needs no lingering"), "{output}");
}

#[test]
fn a_changed_record_makes_a_relaxable_and_a_regressed_verdict_with_their_evidence() {
    let machine = Machine::boot(Debian13);
    let output = machine.script(
        "agent",
        r#"doctor record env-block-spaces scope-name -o record
           sed -i 's/^spaces = .*/spaces = "delivered"/; s/^pattern = .*/pattern = "random"/' record
           doctor gate env-block-spaces scope-name --against record && exit 9; echo "status $?""#,
    );
    for expected in [
        "regressed: spaces was recorded as `delivered` and is `rejected`",
        "relaxable: pattern was recorded as `random` and is `process-id`",
        "The fix can be dropped",
        "measured by: systemd-run --user",
        "1 regressed, 1 relaxable in",
        "status 1",
    ] {
        assert!(output.contains(expected), "{expected} is not in:\n{output}");
    }
}

/// Real drift: a record of one release compared with measurements on another.
#[rstest]
#[case(Debian11, Debian14)]
#[case(Debian14, Debian12)]
fn a_record_compared_with_another_release_shows_what_the_matrix_says_differs(
    #[case] recorded: Release,
    #[case] measured: Release,
) {
    let text = committed_record(recorded);
    let differences = differing_facts(&text, &committed_record(measured));
    assert!(!differences.is_empty(), "nothing differs between {recorded:?} and {measured:?}");

    let machine = Machine::boot(measured);
    machine.script("root", "loginctl enable-linger agent");
    let script = format!(
        "cat >record <<'END'\n{text}END\ndoctor gate --against record --format json || true"
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
