//! What `-p Environment=KEY="a b=c"` does: the value is split where a blank is followed by
//! something that looks like an assignment.

use super::delivery::{Arrival, KEY, Parcel, Shipment, Way, start_bare};
use crate::sandbox::{Completed, Sandbox};
use crate::{Measurement, Unable};

/// The variable that nobody meant to set.
const STRAY: &str = "DOCTOR_STRAY";
/// What is meant to reach the unit.
const MEANT: &str = "a DOCTOR_STRAY=c";
/// A variable of every service, and what a value that was split would make of it.
const PATH: (&str, &str) = ("PATH", "/nowhere");

/// The values that are measured in one unit: the fact, its variable, and the value.
const VALUES: [(&str, &str, &str); 3] = [
    ("value", "DOCTOR_A", MEANT),
    ("newline", "DOCTOR_B", "a\nDOCTOR_STRAY_B=c"),
    ("json", "DOCTOR_C", r#"{"a": "DOCTOR_STRAY_C=c"}"#),
];
/// The same in a unit of its own.
const REPEATED: (&str, &str) = ("repeated", "a DOCTOR_VALUE=c");

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let property = |label: &str, name: &str, value: &str| {
        Parcel::of_property(label, name, &format!("{name}={value}"))
    };
    let remedies = vec![
        Parcel::new("setenv", KEY, [format!("--setenv={KEY}={MEANT}")]),
        Parcel::of_property("quoted", "DOCTOR_QUOTED", &format!("\"DOCTOR_QUOTED={MEANT}\"")),
    ];
    let (path, replacement) = PATH;
    let mut split = VALUES.map(|(fact, name, value)| property(fact, name, value)).to_vec();
    split[0] = split[0].clone().and(STRAY);
    split.push(property("path", "DOCTOR_D", &format!("a {path}={replacement}")).and(path));

    let remedies = Shipment::start(sandbox, Way::Service, "remedies", remedies)?;
    let split = Shipment::start(sandbox, Way::Service, "values", split)?;
    let repeated = property(REPEATED.0, KEY, REPEATED.1).send(sandbox, Way::Service)?;
    let options = ["-p", &format!("Environment={KEY}={MEANT}")];
    let bare = start_bare(sandbox, Way::Service, "bare", &options)?;

    let mut measurement = Measurement::default();
    let remedies = remedies.wait()?;
    if !remedies[0].is_started() {
        return Err(Unable::Unmeasured(format!(
            "even a launch with --setenv did not start a service: {}",
            remedies[0].run.failure()
        )));
    }
    let mut tell = |fact: &str, name: &str, value: &str, arrival: &Arrival| {
        measurement.fact_from(fact, arrival.fate(name, value.as_bytes()).name(), &arrival.run);
    };
    tell("setenv", KEY, MEANT, &remedies[0]);
    tell("quoted", "DOCTOR_QUOTED", MEANT, &remedies[1]);
    let split = split.wait()?;
    for ((fact, name, value), arrival) in VALUES.iter().zip(&split) {
        tell(fact, name, value, arrival);
    }
    tell(REPEATED.0, KEY, REPEATED.1, &repeated.wait()?);
    let is_stray = split[0].value(STRAY).is_some();
    measurement.fact_from("stray", if is_stray { "set" } else { "not-set" }, &split[0].run);
    let is_replaced = split[3].value(path) == Some(replacement.as_bytes());
    measurement.fact_from("path", if is_replaced { "replaced" } else { "kept" }, &split[3].run);
    let bare = bare.wait()?;
    let is_silent = bare.errors().is_empty();
    measurement.fact_from("exit", if bare.success() { "zero" } else { "nonzero" }, &bare);
    measurement.fact_from("message", if is_silent { "nothing" } else { "something" }, &bare);
    measurement.summary = summary(&measurement, &bare);
    Ok(measurement)
}

fn summary(measurement: &Measurement, bare: &Completed) -> String {
    let fact = |name: &str| &measurement.facts[name];
    format!(
        "-p Environment=KEY=\"a b=c\" ended with {}, {} standard error: KEY was {}, and b was {}; \
         --setenv {} the value",
        bare.ending(),
        if fact("message") == "nothing" { "without a word on" } else { "with a message on" },
        fact("value"),
        if fact("stray") == "set" { "set as a variable" } else { "not set" },
        fact("setenv"),
    )
}
