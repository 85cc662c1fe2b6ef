//! Measures what `$X`, `${X}`, `$$`, `$5` and `%n` in the command line of a service become before
//! the program starts, and which options keep them unchanged.

use crate::exec::{Child, Command, CommandError, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const VARIABLE: Fact<Expanded> = Fact::new("variable");
const BRACES: Fact<Expanded> = Fact::new("braces");
const BRACES_WITHIN: Fact<Expanded> = Fact::new("braces-within");
const WITHIN: Fact<Expanded> = Fact::new("within");
const UNSET: Fact<Kept> = Fact::new("unset");
const UNSET_BRACES: Fact<Expanded> = Fact::new("unset-braces");
const SENTENCE: Fact<Expanded> = Fact::new("sentence");
const SUBSTITUTION: Fact<Kept> = Fact::new("substitution");
const DIGIT: Fact<Kept> = Fact::new("digit");
const DOLLARS: Fact<Dollars> = Fact::new("dollars");
const DEFAULT: Fact<Kept> = Fact::new("default");
const PERCENT: Fact<Kept> = Fact::new("percent");
const DOUBLED: Fact<Remedy> = Fact::new("doubled");
const EXPAND_NO: Fact<Remedy> = Fact::new("expand-no");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    VARIABLE.decl(),
    BRACES.decl(),
    BRACES_WITHIN.decl(),
    WITHIN.decl(),
    UNSET.decl(),
    UNSET_BRACES.decl(),
    SENTENCE.decl(),
    SUBSTITUTION.decl(),
    DIGIT.decl(),
    DOLLARS.decl(),
    DEFAULT.decl(),
    PERCENT.decl(),
    DOUBLED.decl(),
    EXPAND_NO.decl(),
];

fact_values! {
    /// What an argument becomes in which the manager can replace a variable.
    enum Expanded {
        Untouched = "untouched",
        Replaced = "replaced",
        Split = "split",
        Dropped = "dropped",
        Changed = "changed",
    }
}

fact_values! {
    /// What an argument becomes in which there is no variable to replace.
    enum Kept {
        Untouched = "untouched",
        Split = "split",
        Dropped = "dropped",
        Changed = "changed",
    }
}

fact_values! {
    /// What an argument with `$$` becomes.
    enum Dollars {
        Untouched = "untouched",
        Split = "split",
        Dropped = "dropped",
        Halved = "halved",
        Changed = "changed",
    }
}

fact_values! {
    /// What a remedy does for all arguments.
    enum Remedy {
        Untouched = "untouched",
        Rejected = "rejected",
        Changed = "changed",
    }
}

/// A variable of the service, and a value of two words.
const SET: (&str, &str) = ("DOCTOR_X", "a  b");
/// A variable that the service does not have.
const NOT_SET: &str = "DOCTOR_UNSET";
/// The argument between those that are measured.
const SENTINEL: &str = "DOCTOR_MARK";

/// An argument that is measured.
#[derive(Clone, Copy)]
struct Argument {
    fact: ArgumentFact,
    text: &'static str,
}

/// The fact of an argument, by what the argument can become.
#[derive(Clone, Copy)]
enum ArgumentFact {
    Expanded(Fact<Expanded>),
    Kept(Fact<Kept>),
    Dollars(Fact<Dollars>),
}

const ARGUMENTS: [Argument; 12] = [
    Argument { fact: ArgumentFact::Expanded(VARIABLE), text: "$DOCTOR_X" },
    Argument { fact: ArgumentFact::Expanded(BRACES), text: "${DOCTOR_X}" },
    Argument { fact: ArgumentFact::Expanded(BRACES_WITHIN), text: "echo ${DOCTOR_X}!" },
    Argument { fact: ArgumentFact::Expanded(WITHIN), text: "echo $DOCTOR_X!" },
    Argument { fact: ArgumentFact::Kept(UNSET), text: "$DOCTOR_UNSET" },
    Argument { fact: ArgumentFact::Expanded(UNSET_BRACES), text: "echo ${DOCTOR_UNSET}!" },
    Argument { fact: ArgumentFact::Expanded(SENTENCE), text: "$DOCTOR_X and more" },
    Argument { fact: ArgumentFact::Kept(SUBSTITUTION), text: "$(id)" },
    Argument { fact: ArgumentFact::Kept(DIGIT), text: "$5" },
    Argument { fact: ArgumentFact::Dollars(DOLLARS), text: "echo $$" },
    Argument { fact: ArgumentFact::Kept(DEFAULT), text: "${DOCTOR_X:-d}" },
    Argument { fact: ArgumentFact::Kept(PERCENT), text: "%n %h %%" },
];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let start = |label: &str, edit: fn(&str) -> String, option: Option<&str>| {
        ArgEcho::start(context, label, edit, option)
    };
    let plain = start("plain", str::to_owned, None)?;
    let doubled = start("doubled", |argument| argument.replace('$', "$$"), None)?;
    let unexpanded = start("kept", str::to_owned, Some("--expand-environment=no"))?;

    let mut measurement = Measurement::default();
    let (received, run) = plain.finish()?;
    let Some(received) = received else {
        return Err(NotMeasured::Unmeasured(format!(
            "a control service that prints its arguments was not started: {}",
            run.error_summary()
        )));
    };
    for (argument, words) in ARGUMENTS.iter().zip(&received) {
        argument.record(words, &run, &mut measurement);
    }
    for (fact, echo) in [(DOUBLED, doubled), (EXPAND_NO, unexpanded)] {
        let (received, run) = echo.finish()?;
        measurement.set_from(fact, Remedy::classify(received.as_ref()), &run);
    }
    Ok(measurement)
}

/// The words that each of [`ARGUMENTS`] became.
type ReceivedArgs = Vec<Vec<String>>;

/// A running service that prints its arguments.
struct ArgEcho(Child);

impl ArgEcho {
    /// Starts it with all arguments, as `edit` writes them.
    fn start(
        context: &ProbeContext,
        label: &str,
        edit: fn(&str) -> String,
        option: Option<&str>,
    ) -> Result<Self, CommandError> {
        let (name, value) = SET;
        let mut command: Command = context
            .systemd_run()
            .args(["--quiet", "--collect", "--wait", "--pipe"])
            .arg(format!("--unit={}", context.unit_name(label, "service")))
            .arg(format!("--setenv={name}={value}"))
            .args(option)
            .args(["--", "printf", r"%s\0", SENTINEL]);
        for argument in ARGUMENTS {
            command = command.arg(edit(argument.text)).arg(SENTINEL);
        }
        Ok(Self(command.start()?))
    }

    /// Waits for it and returns what it received; `None` if it was not started.
    fn finish(self) -> Result<(Option<ReceivedArgs>, Output), CommandError> {
        let run = self.0.wait()?;
        Ok((parse_words(&run.stdout), run))
    }
}

/// Parses the output of the service: the words between the sentinels.
fn parse_words(output: &[u8]) -> Option<ReceivedArgs> {
    let output = String::from_utf8_lossy(output.strip_suffix(b"\0")?).into_owned();
    let mut words = output.split('\0').collect::<Vec<_>>();
    (words.first() == Some(&SENTINEL) && words.pop() == Some(SENTINEL)).then_some(())?;
    let received: ReceivedArgs = words
        .split(|word| *word == SENTINEL)
        .skip(1)
        .map(|words| words.iter().map(|&word| word.to_owned()).collect())
        .collect();
    (received.len() == ARGUMENTS.len()).then_some(received)
}

impl Argument {
    fn record(self, words: &[String], run: &Output, measurement: &mut Measurement) {
        match self.fact {
            ArgumentFact::Expanded(fact) => {
                measurement.set_from(fact, Expanded::classify(self.text, words), run);
            }
            ArgumentFact::Kept(fact) => {
                measurement.set_from(fact, Kept::classify(self.text, words), run);
            }
            ArgumentFact::Dollars(fact) => {
                measurement.set_from(fact, Dollars::classify(self.text, words), run);
            }
        }
    }
}

impl Kept {
    fn classify(argument: &str, words: &[String]) -> Self {
        match words {
            [] => Self::Dropped,
            [word] if word == argument => Self::Untouched,
            [_] => Self::Changed,
            [_, _, ..] => Self::Split,
        }
    }
}

impl Expanded {
    fn classify(argument: &str, words: &[String]) -> Self {
        match Kept::classify(argument, words) {
            Kept::Changed if words == [replace_variables(argument)] => Self::Replaced,
            Kept::Changed => Self::Changed,
            Kept::Untouched => Self::Untouched,
            Kept::Split => Self::Split,
            Kept::Dropped => Self::Dropped,
        }
    }
}

impl Dollars {
    fn classify(argument: &str, words: &[String]) -> Self {
        match Kept::classify(argument, words) {
            Kept::Changed if words == [argument.replace("$$", "$")] => Self::Halved,
            Kept::Changed => Self::Changed,
            Kept::Untouched => Self::Untouched,
            Kept::Split => Self::Split,
            Kept::Dropped => Self::Dropped,
        }
    }
}

impl Remedy {
    fn classify(received: Option<&ReceivedArgs>) -> Self {
        match received {
            None => Self::Rejected,
            Some(received) if are_untouched(received) => Self::Untouched,
            Some(_) => Self::Changed,
        }
    }
}

/// Returns an argument with the service's values in place of its variables.
fn replace_variables(argument: &str) -> String {
    let (name, value) = SET;
    argument
        .replace(&format!("${{{name}}}"), value)
        .replace(&format!("${name}"), value)
        .replace(&format!("${{{NOT_SET}}}"), "")
}

fn are_untouched(received: &[Vec<String>]) -> bool {
    ARGUMENTS.iter().zip(received).all(|(argument, words)| words == &[argument.text])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn an_argument_is_classified_by_the_words_that_it_became() {
        for (argument, received, value) in [
            ("$DOCTOR_X", &["$DOCTOR_X"][..], "untouched"),
            ("$DOCTOR_X", &["a", "b"], "split"),
            ("$DOCTOR_X", &["a  b"], "replaced"),
            ("a${DOCTOR_UNSET}b", &["ab"], "replaced"),
            ("$DOCTOR_X", &[], "dropped"),
            ("$DOCTOR_X", &["c"], "changed"),
        ] {
            let classified = Expanded::classify(argument, &words(received));
            assert_eq!(classified.as_str(), value, "{argument}");
        }
        assert_eq!(Kept::classify("$5", &words(&[])), Kept::Dropped);
        assert_eq!(Kept::classify("%n", &words(&["doctor.service"])), Kept::Changed);
        assert_eq!(Dollars::classify("$$", &words(&["$"])), Dollars::Halved);
    }

    #[test]
    fn the_words_between_two_sentinels_belong_to_one_argument() {
        let mut output = format!("{SENTINEL}\0").into_bytes();
        for argument in ARGUMENTS {
            output.extend(format!("{}\0{SENTINEL}\0", argument.text).into_bytes());
        }
        assert!(are_untouched(&parse_words(&output).unwrap()));
        assert_eq!(parse_words(b"DOCTOR_MARK\0x\0"), None);
        assert_eq!(parse_words(b"DOCTOR_MARK\0DOCTOR_MARK\0"), None);
        assert_eq!(parse_words(b""), None);
    }
}
