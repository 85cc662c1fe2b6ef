//! Records that cannot be used, one message each, and records of another doctor, which can.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;
use predicates::prelude::*;
use predicates::str::contains;
use rstest::rstest;
use tempfile::TempDir;

const RECORD: &str = concat!(
    "schema = 1\ndoctor = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nfact-count = 1\nwithout-facts = []\n[versions]\nsystemd = \"257\"\n[facts.flock-order]\ntwo = \"serialized\"\n"
);

/// The same with another value, a fact and a probe that no doctor has, a key of a later one, by a later doctor.
const OTHER: &str = "schema = 1\ndoctor = \"9.9.9\"\nfact-count = 3\nlater-key = 1\nwithout-facts = []\n\
    [versions]\nsystemd = \"257\"\n[facts.flock-order]\ntwo = \"serialized\"\nlater-fact = \"x\"\n\
    [facts.later-probe]\nfact = \"y\"\n";

struct Dir(TempDir);

impl Dir {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn record(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

fn doctor(args: &[&str], files: &[&Path]) -> Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_doctor")).args(args).args(files).assert()
}

#[rstest]
#[case::another_schema(RECORD.replace("schema = 1", "schema = 7"), "has schema 7; this doctor reads schema 1")]
#[case::truncated(RECORD[..RECORD.len() - 10].to_owned(), "is not a record of `doctor record`")]
#[case::truncated_between_lines(
    RECORD[..RECORD.len() - 19].to_owned(),
    "is truncated or was edited: its fact-count is 1, and it has 0 facts"
)]
#[case::not_toml("{".to_owned(), "is not a record of `doctor record`")]
#[case::empty(String::new(), "is not a record of `doctor record`")]
fn a_record_that_cannot_be_used_is_one_clear_message(#[case] text: String, #[case] message: &str) {
    let dir = Dir::new();
    gate_refuses(&dir.record("record", &text), message);
}

#[test]
fn a_record_that_cannot_be_read_is_one_clear_message() {
    let dir = Dir::new();
    gate_refuses(dir.0.path(), "cannot read the record");
    gate_refuses(&dir.0.path().join("missing"), "cannot read the record");
}

#[track_caller]
fn gate_refuses(record: &Path, message: &str) {
    doctor(&["gate", "--against"], &[record]).code(2).stdout("").stderr(contains(message));
}

#[test]
fn a_record_of_another_doctor_is_compared_by_the_facts_that_both_have() {
    let dir = Dir::new();
    let (a, b) = (dir.record("a", RECORD), dir.record("b", OTHER));
    doctor(&["diff"], &[&a, &b])
        .code(0)
        .stdout(contains("only in the second, not compared"))
        .stdout(contains("  flock-order later-fact: x\n  later-probe fact: y\n"))
        .stdout(contains("no fact differs"));
    doctor(&["diff"], &[&b, &a]).code(0).stdout(contains("only in the first, not compared"));
    let changed = dir.record("c", &OTHER.replace("serialized", "overlapped"));
    doctor(&["diff", "--format", "json"], &[&a, &changed])
        .code(1)
        .stdout(contains(r#""fact": "two""#))
        .stdout(contains(r#""only_b""#));
}

#[test]
fn a_gate_accepts_a_record_of_another_doctor_and_names_what_it_did_not_compare() {
    let dir = Dir::new();
    let record = dir.record("record", OTHER);
    doctor(&["gate", "flock-order", "--against"], &[&record])
        .code(0)
        .stdout(contains("flock-order.later-fact").and(contains("later-probe.fact")));
    let run = doctor(&["gate", "flock-order", "--format", "json", "--against"], &[&record]).code(0);
    let report: serde_json::Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
    assert_eq!(report["record"]["doctor"], "9.9.9");
    let only = &report["record"]["only_recorded"];
    assert_eq!(only, &serde_json::json!(["flock-order.later-fact", "later-probe.fact"]));
    let changed = dir.record("changed", &OTHER.replace("serialized", "overlapped"));
    doctor(&["gate", "flock-order", "--against"], &[&changed]).code(1);
}
