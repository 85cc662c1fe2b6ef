//! What `-p Environment=KEY="a b=c"` does: the value is split where a blank is followed by
//! something that looks like an assignment.

use super::delivery::{Arrival, Delivery, KEY, Way};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// The variable that nobody meant to set.
const STRAY: &str = "DOCTOR_STRAY";
/// A variable of every service, and what a value that was split would make of it.
const PATH: (&str, &str) = ("PATH", "/nowhere");

/// The values that are measured: the fact, and the value.
const VALUES: [(&str, &str); 4] = [
    ("value", "a DOCTOR_STRAY=c"),
    ("newline", "a\nDOCTOR_STRAY=c"),
    ("json", r#"{"a": "DOCTOR_STRAY=c"}"#),
    ("repeated", "a DOCTOR_VALUE=c"),
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let start = |label: &str, names: &[&str], assignment: [String; 2]| {
        Delivery::start(sandbox, Way::Service, label, names, |command| command.args(assignment))
    };
    let property = |value: &str| ["-p".to_owned(), format!("Environment={value}")];
    let meant = VALUES[0].1;

    let setenv = start("setenv", &[KEY], ["--setenv".into(), format!("{KEY}={meant}")])?;
    let quoted = start("quoted", &[KEY], property(&format!("\"{KEY}={meant}\"")))?;
    let values =
        VALUES.map(|(fact, value)| start(fact, &[KEY, STRAY], property(&format!("{KEY}={value}"))));
    let (name, replacement) = PATH;
    let path = start("path", &[name], property(&format!("{KEY}=a {name}={replacement}")))?;

    let mut measurement = Measurement::default();
    let setenv = setenv.wait()?;
    if !setenv.is_started() {
        return Err(Unable::Unmeasured(format!(
            "even a launch with --setenv did not start a service: {}",
            setenv.run.errors()
        )));
    }
    measurement.fact_from("setenv", setenv.fate(KEY, meant.as_bytes()).name(), &setenv.run);
    let quoted = quoted.wait()?;
    measurement.fact_from("quoted", quoted.fate(KEY, meant.as_bytes()).name(), &quoted.run);
    for ((fact, value), delivery) in VALUES.iter().zip(values) {
        let arrival = delivery?.wait()?;
        measurement.fact_from(fact, arrival.fate(KEY, value.as_bytes()).name(), &arrival.run);
        if *fact == "value" {
            tell_noise(&arrival, &mut measurement);
        }
    }
    let path = path.wait()?;
    let is_replaced = path.value(name) == Some(replacement.as_bytes());
    measurement.fact_from("path", if is_replaced { "replaced" } else { "kept" }, &path.run);
    Ok(measurement)
}

/// Records what else came of the split value: a stray variable, an exit status, a message.
fn tell_noise(arrival: &Arrival, measurement: &mut Measurement) {
    let run = &arrival.run;
    let stray = if arrival.value(STRAY).is_some() { "set" } else { "not-set" };
    measurement.fact_from("stray", stray, run);
    measurement.fact_from("exit", if run.success() { "zero" } else { "nonzero" }, run);
    let is_silent = run.errors().is_empty();
    measurement.fact_from("message", if is_silent { "nothing" } else { "something" }, run);
    measurement.summary = format!(
        "-p Environment=KEY=\"a b=c\" ended with {}, {} standard error: KEY was {}, and b was {}; \
         --setenv {} the value",
        run.ending(),
        if is_silent { "without a word on" } else { "with a message on" },
        measurement.facts["value"],
        if stray == "set" { "set as a variable" } else { "not set" },
        measurement.facts["setenv"],
    );
}
