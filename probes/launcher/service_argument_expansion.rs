//! What becomes of `$X`, `${X}`, `$$`, `$5` and `%n` in the command line of a service before the
//! program sees it, and what keeps them as they are.

use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// A variable of the service, and a value of two words.
const SET: (&str, &str) = ("DOCTOR_X", "a  b");
/// A variable that the service does not have.
const UNSET: &str = "DOCTOR_UNSET";
/// What stands between the arguments that are measured.
const MARK: &str = "DOCTOR_MARK";

/// The arguments that are measured, each under its fact.
const ARGUMENTS: [(&str, &str); 12] = [
    ("variable", "$DOCTOR_X"),
    ("braces", "${DOCTOR_X}"),
    ("braces-within", "echo ${DOCTOR_X}!"),
    ("within", "echo $DOCTOR_X!"),
    ("unset", "$DOCTOR_UNSET"),
    ("unset-braces", "echo ${DOCTOR_UNSET}!"),
    ("sentence", "$DOCTOR_X and more"),
    ("substitution", "$(id)"),
    ("digit", "$5"),
    ("dollars", "echo $$"),
    ("default", "${DOCTOR_X:-d}"),
    ("percent", "%n %h %%"),
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let start = |label: &str, edit: fn(&str) -> String, option: Option<&str>| {
        Echo::start(sandbox, label, edit, option)
    };
    let plain = start("plain", str::to_owned, None)?;
    let doubled = start("doubled", |argument| argument.replace('$', "$$"), None)?;
    let kept = start("kept", str::to_owned, Some("--expand-environment=no"))?;

    let mut measurement = Measurement::default();
    let (words, run) = plain.finish()?;
    let Some(words) = words else {
        return Err(Unable::Unmeasured(format!(
            "a service that prints its arguments was not started: {}",
            run.failure()
        )));
    };
    for ((fact, argument), words) in ARGUMENTS.iter().zip(&words) {
        measurement.fact_from(fact, becomes(argument, words), &run);
    }
    for (fact, echo) in [("doubled", doubled), ("expand-no", kept)] {
        let (words, run) = echo.finish()?;
        let arrived = match &words {
            None => "rejected",
            Some(words) if are_untouched(words) => "untouched",
            Some(_) => "changed",
        };
        measurement.fact_from(fact, arrived, &run);
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let fact = |name: &str| &measurement.facts[name];
    format!(
        "in a service's command line $X is {}, ${{X}} {}, $$ {}, $5 and $(…) {}, %n {}; with \
         every $ doubled: {}; with --expand-environment=no: {}",
        fact("variable"),
        fact("braces"),
        fact("dollars"),
        fact("substitution"),
        fact("percent"),
        fact("doubled"),
        fact("expand-no"),
    )
}

/// What each of [`ARGUMENTS`] has become: so many words.
type Arrived = Vec<Vec<String>>;

/// A service under way that prints its arguments.
struct Echo(Running);

impl Echo {
    /// Starts it with all arguments, as `edit` writes them.
    fn start(
        sandbox: &Sandbox,
        label: &str,
        edit: fn(&str) -> String,
        option: Option<&str>,
    ) -> Result<Self, CommandError> {
        let (name, value) = SET;
        let mut command: Command = sandbox
            .systemd_run()
            .args(["--quiet", "--collect", "--wait", "--pipe"])
            .arg(format!("--unit={}", sandbox.unit_name(label, "service")))
            .arg(format!("--setenv={name}={value}"))
            .args(option)
            .args(["--", "printf", r"%s\0", MARK]);
        for (_, argument) in ARGUMENTS {
            command = command.arg(edit(argument)).arg(MARK);
        }
        Ok(Self(command.start()?))
    }

    /// What has arrived; `None` if the service was not started.
    fn finish(self) -> Result<(Option<Arrived>, Completed), CommandError> {
        let run = self.0.wait()?;
        Ok((words(&run.stdout), run))
    }
}

/// Reads what the service printed: the words between the marks.
fn words(printed: &[u8]) -> Option<Arrived> {
    let printed = String::from_utf8_lossy(printed.strip_suffix(b"\0")?).into_owned();
    let mut parts = printed.split('\0').collect::<Vec<_>>();
    (parts.first() == Some(&MARK) && parts.pop() == Some(MARK)).then_some(())?;
    let parts = parts.split(|word| *word == MARK).skip(1);
    let words: Arrived =
        parts.map(|words| words.iter().map(|&word| word.to_owned()).collect()).collect();
    (words.len() == ARGUMENTS.len()).then_some(words)
}

/// The value on the card for an argument that has become `words`.
fn becomes(argument: &str, words: &[String]) -> &'static str {
    match words {
        [] => "dropped",
        [word] if word == argument => "untouched",
        [word] if *word == replaced(argument) => "replaced",
        [word] if *word == argument.replace("$$", "$") => "halved",
        [_] => "changed",
        [_, _, ..] => "split",
    }
}

/// An argument with the service's values in place of its variables.
fn replaced(argument: &str) -> String {
    let (name, value) = SET;
    argument
        .replace(&format!("${{{name}}}"), value)
        .replace(&format!("${name}"), value)
        .replace(&format!("${{{UNSET}}}"), "")
}

fn are_untouched(words: &[Vec<String>]) -> bool {
    ARGUMENTS
        .iter()
        .zip(words)
        .all(|((_, argument), words)| becomes(argument, words) == "untouched")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_argument_becomes_is_told_by_its_words() {
        for (argument, words, expected) in [
            ("$DOCTOR_X", &["$DOCTOR_X"][..], "untouched"),
            ("$DOCTOR_X", &["a", "b"], "split"),
            ("$DOCTOR_X", &["a  b"], "replaced"),
            ("a${DOCTOR_UNSET}b", &["ab"], "replaced"),
            ("$5", &[], "dropped"),
            ("$$", &["$"], "halved"),
            ("%n", &["doctor.service"], "changed"),
        ] {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(becomes(argument, &words), expected, "{argument}");
        }
    }

    #[test]
    fn the_words_stand_between_the_marks() {
        let mut printed = format!("{MARK}\0").into_bytes();
        for (_, argument) in ARGUMENTS {
            printed.extend(format!("{argument}\0{MARK}\0").into_bytes());
        }
        assert!(are_untouched(&words(&printed).unwrap()));
        assert_eq!(words(b"DOCTOR_MARK\0x\0"), None);
        assert_eq!(words(b"DOCTOR_MARK\0DOCTOR_MARK\0"), None);
        assert_eq!(words(b""), None);
    }
}
