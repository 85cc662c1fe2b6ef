//! Whether the command of a scope reaches its program unchanged.

use super::support::private_scope::{announced_scope, quiet_scope};
use crate::exec::{Command, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What arrives in place of a word of the command.
    enum WordFate {
        Untouched = "untouched",
        Rewritten = "rewritten",
        Gone = "gone",
    }
}

fact_values! {
    /// Whether a shell receives its command unchanged.
    enum CommandFate {
        Untouched = "untouched",
        Rewritten = "rewritten",
    }
}

fact_values! {
    /// What `--expand-environment=no` does.
    enum OptionEffect {
        Untouched = "untouched",
        Rewritten = "rewritten",
        Refused = "refused",
    }
}

fact_values! {
    /// Whether systemd-run warns of a variable in the command.
    enum Warning {
        Given = "given",
        None = "none",
    }
}

/// A variable that is set in the environment of every launch, and one that is not.
const VARIABLE: (&str, &str) = ("DOCTOR_X", "outer");
const UNSET: &str = "DOCTOR_UNSET";
/// The words of one command, each with its fact.
const WORDS: [(Fact<WordFate>, &str); 9] = [
    (Fact::new("braces"), "echo ${DOCTOR_X}"),
    (Fact::new("braces-unset"), "echo ${DOCTOR_UNSET}"),
    (Fact::new("braces-operator"), "echo ${DOCTOR_X%r}"),
    (Fact::new("dollar-pair"), "echo $$"),
    (Fact::new("inner-variable"), "echo $DOCTOR_X"),
    (Fact::new("whole-variable"), "$DOCTOR_X"),
    (Fact::new("leading-variable"), "$DOCTOR_X --option"),
    (Fact::new("substitution"), "echo $(id) `id` $((1 + 1))"),
    (Fact::new("percent"), "%n %h %%"),
];
/// Precedes each of the words, so that a word that does not arrive is noticed.
const MARK: &str = "@";
/// A command for a shell. The shell's process id is that of systemd-run, which executes it.
const SCRIPT: &str = "DOCTOR_X=inner; printf %s \"${DOCTOR_X} $$\"";

const COMMAND: Fact<CommandFate> = Fact::new("command");
const EVAL: Fact<CommandFate> = Fact::new("eval");
const EXPAND_NO: Fact<OptionEffect> = Fact::new("expand-no");
const WARNING: Fact<Warning> = Fact::new("warning");

pub(crate) const FACTS: &[FactDecl] = &{
    let mut facts = [COMMAND.decl(); WORDS.len() + 4];
    let mut index = 0;
    while index < WORDS.len() {
        facts[index] = WORDS[index].0.decl();
        index += 1;
    }
    facts[index + 1] = EVAL.decl();
    facts[index + 2] = EXPAND_NO.decl();
    facts[index + 3] = WARNING.decl();
    facts
};

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let scope = || with_variables(quiet_scope(context));
    let mut measurement = Measurement::default();
    // One launch after the other: the manager sends every launch in progress a signal for each
    // unit.
    let control = scope().args(["--", "printf", "%s", "a word"]).run()?;
    if control.stdout_text() != "a word" {
        return Err(NotMeasured::Unmeasured(format!(
            "a plain word did not arrive either: {}",
            control.error_summary()
        )));
    }
    let words = printing(scope()).run()?;
    let fates = fates(&words.stdout);
    for ((fact, _), fate) in WORDS.iter().zip(&fates) {
        measurement.set_from(*fact, *fate, &words);
    }
    let changed = fates.iter().filter(|fate| **fate != WordFate::Untouched).count();
    measurement.detail("changed", changed.to_string());
    measurement.detail("words", WORDS.len().to_string());

    let literal = printing(scope().arg("--expand-environment=no")).run()?;
    measurement.set_from(EXPAND_NO, option_effect(&literal), &literal);
    let script = scope().args(["--", "sh", "-c", SCRIPT]);
    let passed = scope().env("DOCTOR_COMMAND", SCRIPT);
    let passed = passed.args(["--", "sh", "-c", "eval \"$DOCTOR_COMMAND\""]);
    for (fact, command) in [(COMMAND, script), (EVAL, passed)] {
        let running = command.start()?;
        let expected = format!("inner {}", running.pid());
        let run = running.wait()?;
        let is_untouched = run.stdout_text() == expected;
        let value = if is_untouched { CommandFate::Untouched } else { CommandFate::Rewritten };
        measurement.set_from(fact, value, &run);
    }
    let announced = with_variables(announced_scope(context))
        .arg(format!("--unit={}", context.unit_name("aloud", "scope")))
        .args(["--", "true", WORDS[0].1])
        .run()?;
    let is_warned = announced.stderr_text().contains("--expand-environment");
    let value = if is_warned { Warning::Given } else { Warning::None };
    measurement.set_from(WARNING, value, &announced);
    Ok(measurement)
}

fn with_variables(command: Command) -> Command {
    command.env(VARIABLE.0, VARIABLE.1).env_remove(UNSET)
}

/// Adds a command that prints all words, each after a mark and followed by a NUL.
fn printing(command: Command) -> Command {
    let command = command.args(["--", "printf", "%s\\0"]);
    WORDS.iter().fold(command, |command, (_, word)| command.arg(MARK).arg(word))
}

/// Returns what happened to each of the words, in their order.
fn fates(printed: &[u8]) -> Vec<WordFate> {
    let arrived = words_after_marks(printed);
    let fate = |(index, (_, word)): (usize, &(_, &str))| match arrived.get(index) {
        Some(Some(arrived)) if arrived == word => WordFate::Untouched,
        Some(Some(_)) => WordFate::Rewritten,
        _ => WordFate::Gone,
    };
    WORDS.iter().enumerate().map(fate).collect()
}

/// Returns the word after each mark, if there is one.
fn words_after_marks(printed: &[u8]) -> Vec<Option<String>> {
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

/// Returns what `--expand-environment=no` does to the words taken together.
fn option_effect(run: &Output) -> OptionEffect {
    let is_untouched = fates(&run.stdout).iter().all(|fate| *fate == WordFate::Untouched);
    match run.success() {
        true if is_untouched => OptionEffect::Untouched,
        true => OptionEffect::Rewritten,
        false => OptionEffect::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_does_not_arrive_does_not_shift_the_others() {
        let words = words_after_marks(b"@\0a\0@\0@\0b c\0@\0\0");
        assert_eq!(words, [Some("a".into()), None, Some("b c".into()), Some(String::new())]);
        assert_eq!(words_after_marks(b"garbage\0"), []);
    }

    #[test]
    fn each_word_has_its_own_fate() {
        let printed = b"@\0echo ${DOCTOR_X}\0@\0@\0echo outer\0";
        assert_eq!(
            fates(printed)[..4],
            [WordFate::Untouched, WordFate::Gone, WordFate::Rewritten, WordFate::Gone]
        );
    }
}
