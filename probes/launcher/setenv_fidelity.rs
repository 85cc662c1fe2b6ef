//! Which values `--setenv` takes into a service and a scope byte for byte, and which it refuses.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::delivery::{Arrival, Delivery, Fate, KEY, Way};
use crate::sandbox::{Command, CommandError, Completed, Sandbox};
use crate::{Measurement, Unable};

/// The texts that are measured: the fact, and the value.
const TEXTS: [(&str, &str); 12] = [
    ("spaces", " a b  c "),
    ("equals", "a=b=c"),
    ("newline", "a\nb\n"),
    ("tab", "a\tb"),
    ("control", "a\u{1}b\u{1b}[0m"),
    ("quotes", "it's \"q\" 'r"),
    ("json", r#"{"a": ["b c", 1], "d": "e=\"f\""}"#),
    ("percent", "100%n %h %%"),
    ("dollar", "$HOME ${HOME} $$ $(id)"),
    ("backslash", r"a\tb\\c\"),
    ("empty", ""),
    ("unicode", "h\u{e9}\u{2603}\u{1f600}"),
];
/// Bytes that are no UTF-8.
const NOT_UTF8: &[u8] = b"a\xff\xfe";
/// A value of 100 kB; one argument may have 128 KiB (Linux, MAX_ARG_STRLEN).
const LARGE: usize = 100_000;
/// A variable of the caller's environment, and one that is not in it.
const INHERITED: &str = "DOCTOR_INHERITED";
const UNSET: &str = "DOCTOR_UNSET";
/// A name that no variable can have.
const BAD_NAME: &str = "1DOCTOR_BAD";

/// The launches of one way whose outcome may be a refusal.
struct Odd {
    non_utf8: Delivery,
    large: Delivery,
    inherit: Delivery,
    unset: Delivery,
    bad_name: Delivery,
    repeated: Delivery,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let ways = [Way::Service, Way::Scope].map(|way| (way, start_texts(sandbox, way, &TEXTS)));
    let odd = [Odd::start(sandbox, Way::Service)?, Odd::start(sandbox, Way::Scope)?];
    let mut measurement = Measurement::default();
    let mut delivered = Vec::new();
    for ((way, together), odd) in ways.into_iter().zip(odd) {
        let texts = texts(sandbox, way, together?.wait()?)?;
        delivered.push(texts.iter().filter(|(_, fate, _)| *fate == Fate::Delivered).count());
        match way {
            Way::Service => {
                for (fact, fate, run) in &texts {
                    measurement.fact_from(fact, fate.name(), run);
                }
            }
            Way::Scope => {
                let first = texts.iter().find(|(_, fate, _)| *fate != Fate::Delivered);
                let (_, fate, run) = first.unwrap_or(&texts[0]);
                measurement.fact_from("scope-texts", fate.name(), run);
            }
        }
        odd.tell(if way == Way::Scope { "scope-" } else { "" }, &mut measurement)?;
    }
    let fact = |name: &str| measurement.facts[name].clone();
    measurement.summary = format!(
        "--setenv delivered {} of {} kinds of text byte for byte to a service and {} to a scope; \
         100 kB: {}; bytes that are not UTF-8: {}; --setenv=KEY alone: {}",
        delivered[0],
        TEXTS.len(),
        delivered[1],
        fact("large"),
        fact("non-utf8"),
        fact("inherit"),
    );
    Ok(measurement)
}

/// Starts one launch with a variable for each of `texts`.
fn start_texts(
    sandbox: &Sandbox,
    way: Way,
    texts: &[(&str, &str)],
) -> Result<Delivery, CommandError> {
    let names: Vec<String> = texts.iter().map(|(fact, _)| variable(fact)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Delivery::start(sandbox, way, texts[0].0, &names, |command| {
        let assignments = names.iter().zip(texts);
        command.args(assignments.map(|(name, (_, value))| format!("--setenv={name}={value}")))
    })
}

fn variable(fact: &str) -> String {
    format!("DOCTOR_{}", fact.to_uppercase())
}

/// What became of each text. If the launch with all of them was refused, each is launched alone.
fn texts(
    sandbox: &Sandbox,
    way: Way,
    together: Arrival,
) -> Result<Vec<(&'static str, Fate, Completed)>, Unable> {
    let fate = |arrival: &Arrival, (fact, value): (&'static str, &str)| {
        (fact, arrival.fate(&variable(fact), value.as_bytes()), arrival.run.clone())
    };
    if together.is_started() {
        return Ok(TEXTS.iter().map(|text| fate(&together, *text)).collect());
    }
    let alone = TEXTS.map(|text| (text, start_texts(sandbox, way, &[text])));
    let mut texts = Vec::new();
    for (text, delivery) in alone {
        texts.push(fate(&delivery?.wait()?, text));
    }
    if texts.iter().all(|(_, fate, _)| *fate == Fate::Rejected) {
        return Err(Unable::Unmeasured(format!(
            "no launch with --setenv started a {}: {}",
            if way == Way::Scope { "scope" } else { "service" },
            together.run.errors()
        )));
    }
    Ok(texts)
}

impl Odd {
    fn start(sandbox: &Sandbox, way: Way) -> Result<Self, CommandError> {
        let start = |label: &str, name: &str, assign: &dyn Fn(Command) -> Command| {
            Delivery::start(sandbox, way, label, &[name], assign)
        };
        let setenv = |name: &str, value: &[u8]| {
            let word = [format!("--setenv={name}=").as_bytes(), value].concat();
            move |command: Command| command.arg(OsStr::from_bytes(&word))
        };
        Ok(Self {
            non_utf8: start("non_utf8", KEY, &setenv(KEY, NOT_UTF8))?,
            large: start("large", KEY, &setenv(KEY, &[b'x'; LARGE]))?,
            inherit: start("inherit", INHERITED, &|command| {
                command.env(INHERITED, "a  b").arg(format!("--setenv={INHERITED}"))
            })?,
            unset: start("unset", UNSET, &|command| {
                command.env_remove(UNSET).arg(format!("--setenv={UNSET}"))
            })?,
            bad_name: start("bad_name", BAD_NAME, &setenv(BAD_NAME, b"a"))?,
            repeated: start("repeated", KEY, &|command| {
                command.args([format!("--setenv={KEY}=a"), format!("--setenv={KEY}=b")])
            })?,
        })
    }

    /// Records what became of each, under facts that begin with `prefix`.
    fn tell(self, prefix: &str, measurement: &mut Measurement) -> Result<(), CommandError> {
        for (fact, delivery, name, value) in [
            ("non-utf8", self.non_utf8, KEY, NOT_UTF8),
            ("large", self.large, KEY, &[b'x'; LARGE]),
            ("inherit", self.inherit, INHERITED, b"a  b"),
            ("bad-name", self.bad_name, BAD_NAME, b"a"),
            ("repeated", self.repeated, KEY, b"b"),
        ] {
            let arrival = delivery.wait()?;
            let fate = arrival.fate(name, value);
            measurement.fact_from(&format!("{prefix}{fact}"), fate.name(), &arrival.run);
        }
        let unset = self.unset.wait()?;
        let value = match unset.value(UNSET) {
            _ if !unset.is_started() => Fate::Rejected.name(),
            Some(_) => "set-to-nothing",
            None => "not-set",
        };
        measurement.fact_from(&format!("{prefix}unset"), value, &unset.run);
        Ok(())
    }
}
