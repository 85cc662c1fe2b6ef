//! Whether the command of a scope reaches its program as it was written.

use super::own_scope::{own_scope, own_scope_aloud};
use crate::sandbox::{Command, Completed, Sandbox};
use crate::{Measurement, Unable};

/// The variables of the launches.
const VARIABLE: (&str, &str) = ("DOCTOR_X", "outer");
const UNSET: &str = "DOCTOR_UNSET";
/// What is measured: the fact, and a word of the command.
const WORDS: [(&str, &str); 9] = [
    ("braces", "echo ${DOCTOR_X}"),
    ("braces-unset", "echo ${DOCTOR_UNSET}"),
    ("braces-operator", "echo ${DOCTOR_X%r}"),
    ("dollar-pair", "echo $$"),
    ("inner-variable", "echo $DOCTOR_X"),
    ("whole-variable", "$DOCTOR_X"),
    ("leading-variable", "$DOCTOR_X --option"),
    ("substitution", "echo $(id) `id` $((1 + 1))"),
    ("percent", "%n %h %%"),
];
/// Stands before each of the words, so that one that vanishes is seen.
const MARK: &str = "@";
/// A command as it is meant for a shell; the shell's own id is that of systemd-run, which it became.
const SCRIPT: &str = "DOCTOR_X=inner; printf %s \"${DOCTOR_X} $$\"";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let scope = || surrounded(own_scope(sandbox));
    let mut measurement = Measurement::default();
    // One after the other, because the manager tells every launch under way of all units.
    let control = scope().args(["--", "printf", "%s", "a word"]).run()?;
    if control.text() != "a word" {
        // Without a command that arrives, nothing could be said of the others.
        let errors = control.failure();
        return Err(Unable::Unmeasured(format!("even a plain word did not arrive: {errors}")));
    }
    let words = printing(scope()).run()?;
    let arrived = arrived(&words.stdout);
    for (index, (fact, word)) in WORDS.iter().enumerate() {
        let arrived = arrived.get(index).and_then(Option::as_deref);
        measurement.fact_from(fact, fate(word, arrived), &words);
    }
    let literal = printing(scope().arg("--expand-environment=no")).run()?;
    measurement.fact_from("expand-no", remedy(&literal), &literal);
    let script = scope().args(["--", "sh", "-c", SCRIPT]);
    let passed = scope().env("DOCTOR_COMMAND", SCRIPT);
    let passed = passed.args(["--", "sh", "-c", "eval \"$DOCTOR_COMMAND\""]);
    for (fact, command) in [("command", script), ("eval", passed)] {
        let running = command.start()?;
        let pid = running.pid();
        let run = running.wait()?;
        let is_whole = run.text() == format!("inner {pid}");
        measurement.fact_from(fact, if is_whole { "untouched" } else { "rewritten" }, &run);
    }
    let aloud = surrounded(own_scope_aloud(sandbox))
        .arg(format!("--unit={}", sandbox.unit_name("aloud", "scope")))
        .args(["--", "true", WORDS[0].1])
        .run()?;
    let is_warned = aloud.errors().contains("--expand-environment");
    measurement.fact_from("warning", if is_warned { "given" } else { "none" }, &aloud);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn surrounded(command: Command) -> Command {
    command.env(VARIABLE.0, VARIABLE.1).env_remove(UNSET)
}

/// Adds a command that prints all words, each behind a mark and with a NUL behind it.
fn printing(command: Command) -> Command {
    let command = command.args(["--", "printf", "%s\\0"]);
    WORDS.iter().fold(command, |command, (_, word)| command.arg(MARK).arg(word))
}

/// For each of the words what arrived behind its mark, if a word did.
fn arrived(printed: &[u8]) -> Vec<Option<String>> {
    let text = String::from_utf8_lossy(printed);
    let mut words: Vec<Option<String>> = Vec::new();
    for word in text.split_terminator('\0') {
        match words.last_mut() {
            _ if word == MARK => words.push(None),
            Some(last) => *last = Some(word.to_owned()),
            None => {}
        }
    }
    words
}

fn fate(word: &str, arrived: Option<&str>) -> &'static str {
    match arrived {
        Some(arrived) if arrived == word => "untouched",
        Some(_) => "rewritten",
        None => "gone",
    }
}

/// What `--expand-environment=no` does to all of the words.
fn remedy(run: &Completed) -> &'static str {
    let arrived = arrived(&run.stdout);
    let is_whole = WORDS.len() == arrived.len()
        && WORDS
            .iter()
            .zip(&arrived)
            .all(|((_, word), arrived)| fate(word, arrived.as_deref()) == "untouched");
    match run.success() {
        true if is_whole => "untouched",
        true => "rewritten",
        false => "refused",
    }
}

fn summary(measurement: &Measurement) -> String {
    let facts = &measurement.facts;
    let changed = WORDS.iter().filter(|(fact, _)| facts[*fact] != "untouched").count();
    let all = WORDS.len();
    match facts["command"].as_str() {
        "untouched" => {
            format!("a command reached sh as it was written; {changed} of {all} words were changed")
        }
        _ => format!(
            "systemd-run changed the command before sh saw it, and {changed} of {all} words; \
             --expand-environment=no: {}, by way of a variable: {}",
            facts["expand-no"], facts["eval"]
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_vanished_does_not_shift_the_others() {
        let words = arrived(b"@\0a\0@\0@\0b c\0@\0\0");
        assert_eq!(words, [Some("a".into()), None, Some("b c".into()), Some(String::new())]);
        assert_eq!(fate("a", words[0].as_deref()), "untouched");
        assert_eq!(fate("$X", words[1].as_deref()), "gone");
        assert_eq!(fate("$X", words[3].as_deref()), "rewritten");
        assert_eq!(arrived(b"garbage\0"), []);
    }
}
