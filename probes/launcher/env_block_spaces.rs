//! What `-p Environment=KEY="a b c"` does, and whether the unit is started all the same.

use std::fs;
use std::path::PathBuf;

use super::delivery::{Delivery, Fate, KEY, Way};
use crate::sandbox::{Completed, Running, Sandbox};
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
    let remedy = Delivery::start(sandbox, Way::Service, "setenv", &[KEY], |command| {
        command.arg(format!("--setenv={KEY}=a b c"))
    })?;
    let forms: Vec<_> = FORMS
        .iter()
        .map(|(fact, form, _)| {
            Delivery::start(sandbox, Way::Service, fact, &[KEY], |command| {
                command.args(["-p", &format!("Environment={}", form.replace("KEY", KEY))])
            })
        })
        .collect::<Result<_, _>>()?;
    let refused = Witness::start(sandbox, "refused", &format!("{KEY}=a b c"))?;
    let control = Witness::start(sandbox, "control", &format!("\"{KEY}=a b c\""))?;

    let mut measurement = Measurement::default();
    let remedy = remedy.wait()?;
    if !remedy.is_started() {
        // Without a launch that works, a refusal of the others would say nothing.
        return Err(Unable::Unmeasured(format!(
            "even a launch with --setenv did not start a service: {}",
            remedy.run.errors()
        )));
    }
    measurement.fact_from("setenv", remedy.fate(KEY, b"a b c").name(), &remedy.run);
    for ((fact, _, value), delivery) in FORMS.iter().zip(forms) {
        let arrival = delivery.wait()?;
        measurement.fact_from(fact, arrival.fate(KEY, value.as_bytes()).name(), &arrival.run);
    }
    let launch = tell_started(sandbox, refused, control, &mut measurement)?;
    measurement.summary = summary(&measurement, &launch);
    Ok(measurement)
}

fn message(errors: &str) -> &'static str {
    if errors.contains(MESSAGE) {
        "invalid-environment-block"
    } else if errors.is_empty() {
        "nothing"
    } else {
        "something-else"
    }
}

fn summary(measurement: &Measurement, launch: &Completed) -> String {
    let facts = &measurement.facts;
    let spaces =
        if facts["spaces"] == Fate::Rejected.name() { "refused" } else { &facts["spaces"] };
    let started = match facts["started"].as_str() {
        "yes" => "the unit was started",
        _ => "no unit was started",
    };
    format!(
        "-p Environment=KEY=\"a b c\" was {spaces} ({}) and {started}; --setenv {} the value",
        launch.ending(),
        facts["setenv"]
    )
}

/// A unit that leaves a file behind, and stays loaded once it was started: if neither is there, it
/// was never started. Its launch ends after its command, because its type is `oneshot`.
struct Witness {
    unit: String,
    file: PathBuf,
    launch: Running,
}

impl Witness {
    fn start(sandbox: &Sandbox, label: &str, environment: &str) -> Result<Self, Unable> {
        let unit = sandbox.unit_name(&format!("witness_{label}"), "service");
        let file = sandbox.dir().join(label);
        let launch = sandbox
            .systemd_run()
            .args(["--quiet", &format!("--unit={unit}")])
            .args(["-p", "Type=oneshot", "-p", "RemainAfterExit=yes"])
            .args(["-p", &format!("Environment={environment}"), "--", "touch"])
            .arg(&file)
            .start()?;
        Ok(Self { unit, file, launch })
    }

    /// Waits for the launch, and tells whether the unit was started, with what showed it. The
    /// manager handles requests in order, so a unit that the launch had asked for is known by now.
    fn finish(self, sandbox: &Sandbox) -> Result<(bool, Completed, Completed), Unable> {
        let launch = self.launch.wait()?;
        let state = sandbox
            .systemctl()
            .args(["show", "--property=LoadState", "--value", "--", &self.unit])
            .run()?;
        if !state.success() {
            return Err(Unable::Unmeasured(format!("`systemctl show` failed: {}", state.errors())));
        }
        let is_started = state.text() != "not-found" || fs::exists(&self.file)?;
        Ok((is_started, launch, state))
    }
}

/// Records how the launch that is refused ended, and whether its unit was started; the control must
/// have been.
fn tell_started(
    sandbox: &Sandbox,
    refused: Witness,
    control: Witness,
    measurement: &mut Measurement,
) -> Result<Completed, Unable> {
    let file = control.file.clone();
    let (is_started, launch, _) = control.finish(sandbox)?;
    if !is_started || !fs::exists(file)? {
        return Err(Unable::Unmeasured(format!(
            "a unit that was to leave a file behind was not started: {}",
            launch.errors()
        )));
    }
    let (is_started, launch, state) = refused.finish(sandbox)?;
    measurement.fact_from("exit", if launch.success() { "zero" } else { "nonzero" }, &launch);
    measurement.fact_from("message", message(&launch.errors()), &launch);
    measurement.evidence.push(launch.evidence("started"));
    measurement.fact_from("started", if is_started { "yes" } else { "no" }, &state);
    Ok(launch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_known_by_its_words() {
        let invalid = "Failed to start transient service unit: Invalid environment block.";
        assert_eq!(message(invalid), "invalid-environment-block");
        assert_eq!(message("Failed to start transient service unit: no"), "something-else");
        assert_eq!(message(""), "nothing");
    }
}
