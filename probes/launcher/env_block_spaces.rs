//! What `-p Environment=KEY="a b c"` does, and whether the unit is started all the same.

use std::fs;

use super::delivery::{Delivery, Fate};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// The forms of the property that are measured: the fact, what stands behind `Environment=`
/// (`KEY` is the variable), and the value that the author of such a line means.
const FORMS: [(&str, &str, &str); 6] = [
    ("spaces", "KEY=a b c", "a b c"),
    ("tab", "KEY=a\tb", "a\tb"),
    ("newline", "KEY=a\nb", "a\nb"),
    ("quoted-assignment", "\"KEY=a b c\"", "a b c"),
    ("quoted-value", "KEY=\"a b c\"", "a b c"),
    ("lone-quote", "KEY=it's", "it's"),
];
/// A part of the message by which the first document knows the trouble.
const MESSAGE: &str = "Invalid environment block";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    // All launches run at the same time: each has a unit of its own.
    let remedy = Delivery::start(sandbox, b"a b c", |command, key| {
        command.arg(format!("--setenv={key}=a b c"))
    })?;
    let forms: Vec<_> = FORMS
        .iter()
        .map(|(_, form, value)| {
            Delivery::start(sandbox, value.as_bytes(), |command, key| {
                command.args(["-p", &format!("Environment={}", form.replace("KEY", key))])
            })
        })
        .collect::<Result<_, _>>()?;
    let witness = Witness::launch(sandbox)?;

    let mut measurement = Measurement::default();
    let (fate, run) = remedy.fate()?;
    if fate == Fate::Rejected {
        // Without a launch that works, a refusal of the others would say nothing.
        return Err(Unable::Unmeasured(format!(
            "even a launch with --setenv did not start a service: {}",
            run.errors()
        )));
    }
    measurement.fact_from("setenv", fate.name(), &run);
    for ((fact, ..), delivery) in FORMS.iter().zip(forms) {
        let (fate, run) = delivery.fate()?;
        measurement.fact_from(fact, fate.name(), &run);
        if *fact == "spaces" {
            measurement.fact_from("exit", if run.success() { "zero" } else { "nonzero" }, &run);
            let told = match run.errors() {
                errors if errors.contains(MESSAGE) => "invalid-environment-block",
                errors if errors.is_empty() => "nothing",
                _ => "something-else",
            };
            measurement.fact_from("message", told, &run);
        }
    }
    witness.tell(sandbox, &mut measurement)?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let facts = &measurement.facts;
    let started = match facts["started"].as_str() {
        "yes" => "the unit was started all the same",
        _ => "no unit was started",
    };
    match facts["spaces"].as_str() {
        "rejected" => format!(
            "-p Environment=KEY=\"a b c\" was refused (exit status {}) and {started}; --setenv \
             delivered the value",
            facts["exit"]
        ),
        fate => format!(
            "-p Environment=KEY=\"a b c\" was {fate} (exit status {}); --setenv: {}",
            facts["exit"], facts["setenv"]
        ),
    }
}

/// A unit that would leave a file behind, and stays loaded once it was started: if neither is
/// there, it was never started.
struct Witness {
    unit: String,
    file: std::path::PathBuf,
    launch: crate::sandbox::Completed,
}

impl Witness {
    fn launch(sandbox: &Sandbox) -> Result<Self, Unable> {
        let unit = sandbox.unit_name("witness", "service");
        let file = sandbox.dir().join("started");
        let launch = sandbox
            .systemd_run()
            .arg("--quiet")
            .arg(format!("--unit={unit}"))
            .args(["-p", "RemainAfterExit=yes", "-p", "Environment=DOCTOR_VALUE=a b c"])
            .args(["--", "touch"])
            .arg(&file)
            .run()?;
        Ok(Self { unit, file, launch })
    }

    /// Records whether the unit was started. The manager handles requests in order, so a unit that
    /// the launch had asked for is known to it by now.
    fn tell(self, sandbox: &Sandbox, measurement: &mut Measurement) -> Result<(), Unable> {
        let state = sandbox
            .systemctl()
            .args(["show", "--property=LoadState", "--value", "--"])
            .arg(&self.unit)
            .run()?;
        let is_started = match state.text().as_str() {
            "not-found" => fs::exists(&self.file)?,
            _ => true,
        };
        measurement.evidence.push(self.launch.evidence("started"));
        measurement.fact_from("started", if is_started { "yes" } else { "no" }, &state);
        Ok(())
    }
}
