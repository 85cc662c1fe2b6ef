//! What `-p Environment=KEY="a b=c"` does: the value is split where a blank is followed by
//! something that looks like an assignment.

use super::delivery::{Delivery, KEY, Way, start_bare};
use crate::sandbox::{Completed, Sandbox};
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

    let [option, assignment] = property(&format!("{KEY}={meant}"));
    let bare = start_bare(sandbox, Way::Service, "bare", &[&option, &assignment])?;

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
            let stray = if arrival.value(STRAY).is_some() { "set" } else { "not-set" };
            measurement.fact_from("stray", stray, &arrival.run);
        }
    }
    let bare = bare.wait()?;
    let is_silent = bare.errors().is_empty();
    measurement.fact_from("exit", if bare.success() { "zero" } else { "nonzero" }, &bare);
    measurement.fact_from("message", if is_silent { "nothing" } else { "something" }, &bare);
    let path = path.wait()?;
    let is_replaced = path.value(name) == Some(replacement.as_bytes());
    measurement.fact_from("path", if is_replaced { "replaced" } else { "kept" }, &path.run);
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
