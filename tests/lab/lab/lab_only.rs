//! The program that measures what only the lab may measure, and its report.

use std::path::Path;

use serde_json::Value;

use super::Machine;

/// The program.
pub(crate) const LAB_ONLY: &str = env!("CARGO_BIN_EXE_lab-only");

/// Puts it into the PATH of a machine.
#[track_caller]
pub(crate) fn put(machine: &Machine) {
    machine.put(Path::new(LAB_ONLY), "/usr/local/bin/lab-only");
}

/// Measures a card as `user`, after a script: `words` are its id and the arguments.
#[track_caller]
pub(crate) fn measure(machine: &Machine, user: &str, script: &str, words: &str) -> Value {
    let output = machine.script(user, &format!("{script}\nexec lab-only {words}"));
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}"))
}

#[track_caller]
pub(crate) fn assert_facts(report: &Value, expected: &[(&str, &str)]) {
    for (fact, value) in expected {
        assert_eq!(report["facts"][fact], *value, "{fact}\n{report:#}");
    }
}
