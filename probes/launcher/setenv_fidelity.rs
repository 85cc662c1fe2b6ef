//! Which values `--setenv` takes into a service and a scope byte for byte, and which it refuses.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::delivery::{Arrival, Delivery, Fate, KEY, Parcel, Shipment, Way};
use crate::sandbox::{CommandError, Sandbox};
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
/// A value of 100 kB; one argument may have 128 KiB (Linux, MAX_ARG_STRLEN). A shell makes it, so that
/// the evidence can be pasted.
const LARGE: &[u8] = &[b'0'; 100_000];
const WITH_LARGE: [&str; 3] =
    ["sh", "-c", r#"exec "$0" "--setenv=DOCTOR_VALUE=$(printf %0100000d 0)" "$@""#];
/// A variable of the caller's environment, one that is not in it, and one that is set twice.
const INHERITED: &str = "DOCTOR_INHERITED";
const UNSET: &str = "DOCTOR_UNSET";
const REPEATED: &str = "DOCTOR_REPEATED";
/// A name that no variable can have.
const BAD_NAME: &str = "1DOCTOR_BAD";

/// What may be refused is launched apart from the texts: two groups, each in one launch as long as
/// nothing of it is refused, and what no release takes into both in a launch of its own.
struct Launches<'a> {
    way: Way,
    texts: Shipment<'a>,
    odd: Shipment<'a>,
    non_utf8: Delivery,
    bad_name: Delivery,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let services = Launches::start(sandbox, Way::Service)?;
    let scopes = Launches::start(sandbox, Way::Scope)?;
    let mut measurement = Measurement::default();
    let delivered = [services.tell(&mut measurement)?, scopes.tell(&mut measurement)?];
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

fn variable(fact: &str) -> String {
    format!("DOCTOR_{}", fact.to_uppercase())
}

/// A launch with `--setenv=NAME=VALUE`.
fn setenv(label: &str, name: &str, value: &[u8]) -> Parcel {
    let word = [format!("--setenv={name}=").as_bytes(), value].concat();
    Parcel::new(label, name, [OsStr::from_bytes(&word)])
}

impl<'a> Launches<'a> {
    fn start(sandbox: &'a Sandbox<'a>, way: Way) -> Result<Self, CommandError> {
        let texts = TEXTS.map(|(fact, value)| setenv(fact, &variable(fact), value.as_bytes()));
        let odd = vec![
            Parcel::new("large", KEY, [""; 0]).behind(&WITH_LARGE),
            Parcel::new("inherit", INHERITED, [format!("--setenv={INHERITED}")])
                .of_caller(INHERITED, Some("a  b")),
            Parcel::new("unset", UNSET, [format!("--setenv={UNSET}")]).of_caller(UNSET, None),
            Parcel::new(
                "repeated",
                REPEATED,
                ["a", "b"].map(|v| format!("--setenv={REPEATED}={v}")),
            ),
        ];
        Ok(Self {
            way,
            texts: Shipment::start(sandbox, way, "texts", texts.to_vec())?,
            odd: Shipment::start(sandbox, way, "odd", odd)?,
            non_utf8: setenv("non_utf8", KEY, NOT_UTF8).send(sandbox, way)?,
            bad_name: setenv("bad_name", BAD_NAME, b"a").send(sandbox, way)?,
        })
    }

    /// Records what became of each value. Gives the number of texts that were delivered.
    fn tell(self, measurement: &mut Measurement) -> Result<usize, Unable> {
        let (prefix, unit) =
            if self.way == Way::Scope { ("scope-", "scope") } else { ("", "service") };
        let texts = self.texts.wait()?;
        if !texts.iter().any(Arrival::is_started) {
            return Err(Unable::Unmeasured(format!(
                "no launch with --setenv started a {unit}: {}",
                texts[0].run.failure()
            )));
        }
        let fates: Vec<_> = TEXTS
            .iter()
            .zip(&texts)
            .map(|((fact, value), text)| (fact, text.fate(&variable(fact), value.as_bytes()), text))
            .collect();
        if self.way == Way::Service {
            for (fact, fate, text) in &fates {
                measurement.fact_from(fact, fate.name(), &text.run);
            }
        } else {
            let first = fates.iter().find(|(_, fate, _)| *fate != Fate::Delivered);
            let (_, fate, text) = first.unwrap_or(&fates[0]);
            measurement.fact_from("scope-texts", fate.name(), &text.run);
        }
        let mut tell = |fact: &str, name: &str, value: &[u8], arrival: &Arrival| {
            let fate = arrival.fate(name, value).name();
            measurement.fact_from(&format!("{prefix}{fact}"), fate, &arrival.run);
        };
        let odd = self.odd.wait()?;
        tell("large", KEY, LARGE, &odd[0]);
        tell("inherit", INHERITED, b"a  b", &odd[1]);
        tell("repeated", REPEATED, b"b", &odd[3]);
        tell("non-utf8", KEY, NOT_UTF8, &self.non_utf8.wait()?);
        tell("bad-name", BAD_NAME, b"a", &self.bad_name.wait()?);
        let unset = match odd[2].value(UNSET) {
            _ if !odd[2].is_started() => Fate::Rejected.name(),
            Some(_) => "set-to-nothing",
            None => "not-set",
        };
        measurement.fact_from(&format!("{prefix}unset"), unset, &odd[2].run);
        Ok(fates.iter().filter(|(_, fate, _)| *fate == Fate::Delivered).count())
    }
}
