//! What `-p Environment=KEY="a b c"` does, and whether the unit is started all the same.

use std::fs;
use std::path::PathBuf;

use super::delivery::{Arrival, Fate, KEY, Parcel, Shipment, Way};
use crate::sandbox::{CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// The forms of the property that are measured: the fact, what stands behind `Environment=`
/// (`KEY` is the variable), and the value that the author of such a line means.
type Form = (&'static str, &'static str, &'static str);

const SPACES: Form = ("spaces", "KEY=a b c", "a b c");
const BARE: [Form; 3] = [
    ("tab", "KEY=a\tb", "a\tb"),
    ("newline", "KEY=a\nb", "a\nb"),
    ("lone-quote", "KEY=it's", "it's"),
];
const QUOTED: [Form; 2] =
    [("quoted-assignment", "\"KEY=a b c\"", "a b c"), ("quoted-value", "KEY=\"a b c\"", "a b c")];
/// A part of the message by which the first document knows the trouble.
const MESSAGE: &str = "Invalid environment block";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    // All launches run at the same time: each has a unit of its own.
    let control = Witness::start(sandbox, "control", &format!("{KEY}=a"))?;
    let spaces = Witness::start(sandbox, SPACES.0, &SPACES.1.replace("KEY", KEY))?;
    let mut remedies = vec![Parcel::new("setenv", KEY, [format!("--setenv={KEY}=a b c")])];
    remedies.extend(QUOTED.map(|form| parcel(form, &variable(form))));
    let remedies = Shipment::start(sandbox, Way::Service, "remedies", remedies)?;
    let bare = BARE.map(|form| (form, parcel(form, KEY).send(sandbox, Way::Service)));

    let mut measurement = Measurement::default();
    let mut remedies = remedies.wait()?.into_iter();
    let setenv = remedies.next().filter(Arrival::is_started).ok_or_else(|| {
        // Without a launch that works, a refusal of the others would say nothing.
        Unable::Unmeasured("even a launch with --setenv did not start a service".into())
    })?;
    measurement.fact_from("setenv", setenv.fate(KEY, b"a b c").name(), &setenv.run);
    for (form, arrival) in QUOTED.into_iter().zip(remedies) {
        tell(form, &variable(form), &arrival, &mut measurement);
    }
    for (form, delivery) in bare {
        tell(form, KEY, &delivery?.wait()?, &mut measurement);
    }
    let (launch, left_a_file) = control.finish()?;
    if !left_a_file {
        return Err(Unable::Unmeasured(format!(
            "a unit that was to leave a file behind was not started: {}",
            launch.failure()
        )));
    }
    let launch = tell_spaces(sandbox, spaces, &mut measurement)?;
    measurement.summary = summary(&measurement, &launch);
    Ok(measurement)
}

/// The launch of a form, with another name in place of `KEY`.
fn parcel((fact, form, _): Form, name: &str) -> Parcel {
    Parcel::of_property(fact, name, &form.replace("KEY", name))
}

/// The variable of a form that shares its launch with others.
fn variable((fact, ..): Form) -> String {
    format!("DOCTOR_{}", fact.to_uppercase().replace('-', "_"))
}

fn tell((fact, _, value): Form, name: &str, arrival: &Arrival, measurement: &mut Measurement) {
    measurement.fact_from(fact, arrival.fate(name, value.as_bytes()).name(), &arrival.run);
}

/// A unit that leaves a file behind. Its launch ends after its command, because its type is
/// `oneshot`.
struct Witness {
    unit: String,
    file: PathBuf,
    launch: Running,
}

impl Witness {
    fn start(sandbox: &Sandbox, label: &str, assignment: &str) -> Result<Self, CommandError> {
        let unit = sandbox.unit_name(&format!("witness_{label}"), "service");
        let file = sandbox.dir().join(label);
        let launch = sandbox
            .systemd_run()
            .args(["--quiet", &format!("--unit={unit}")])
            .args(["-p", "Type=oneshot", "-p", "RemainAfterExit=yes"])
            .args(["-p", &format!("Environment={assignment}"), "--", "touch"])
            .arg(&file)
            .start()?;
        Ok(Self { unit, file, launch })
    }

    /// Waits for the launch, and tells whether the file is there.
    fn finish(self) -> Result<(Completed, bool), Unable> {
        Ok((self.launch.wait()?, fs::exists(self.file)?))
    }
}

/// Records how the launch with spaces ended, and whether its unit was started: a unit that was stays
/// loaded, and has left its file. The manager handles requests in order, so a unit that the launch
/// had asked for is known by now.
fn tell_spaces(
    sandbox: &Sandbox,
    spaces: Witness,
    measurement: &mut Measurement,
) -> Result<Completed, Unable> {
    let unit = spaces.unit.clone();
    let (launch, left_a_file) = spaces.finish()?;
    let state =
        sandbox.systemctl().args(["show", "--property=LoadState", "--value", "--", &unit]).run()?;
    if !state.success() {
        return Err(Unable::Unmeasured(format!("`systemctl show` failed: {}", state.failure())));
    }
    let is_started = left_a_file || state.text() != "not-found";
    if is_started || launch.success() {
        // What has arrived, only another launch can tell.
        let arrival = parcel(SPACES, KEY).send(sandbox, Way::Service)?.wait()?;
        tell(SPACES, KEY, &arrival, measurement);
    } else {
        measurement.fact_from(SPACES.0, Fate::Rejected.name(), &launch);
    }
    measurement.fact_from("exit", if launch.success() { "zero" } else { "nonzero" }, &launch);
    measurement.fact_from("message", message(&launch.errors()), &launch);
    measurement.evidence.push(launch.evidence("started"));
    measurement.fact_from("started", if is_started { "yes" } else { "no" }, &state);
    Ok(launch)
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
