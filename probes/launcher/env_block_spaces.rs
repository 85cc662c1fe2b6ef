//! Measures `-p Environment=KEY="a b c"`: what it does with the value, and whether a unit starts.

use std::fs;
use std::path::PathBuf;

use super::support::env_launch::{
    BatchLaunch, EnvAssignment, EnvOutcome, KEY, ReceivedEnv, ReceivedValue, UnitType,
};
use super::support::exit_status::ExitStatus;
use crate::exec::{Child, CommandError, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, YesNo};

/// A form of the property.
#[derive(Clone, Copy)]
struct Case {
    fact: Fact<EnvOutcome>,
    /// The value of `Environment=`, in which `KEY` is the variable.
    property: &'static str,
    /// The value that the author of such a line expects.
    expected: &'static str,
}

const SPACES: Case = Case { fact: Fact::new("spaces"), property: "KEY=a b c", expected: "a b c" };
const TAB: Case = Case { fact: Fact::new("tab"), property: "KEY=a\tb", expected: "a\tb" };
const NEWLINE: Case = Case { fact: Fact::new("newline"), property: "KEY=a\nb", expected: "a\nb" };
const LONE_QUOTE: Case =
    Case { fact: Fact::new("lone-quote"), property: "KEY=it's", expected: "it's" };
const QUOTED_ASSIGNMENT: Case =
    Case { fact: Fact::new("quoted-assignment"), property: "\"KEY=a b c\"", expected: "a b c" };
const QUOTED_VALUE: Case =
    Case { fact: Fact::new("quoted-value"), property: "KEY=\"a b c\"", expected: "a b c" };
const SETENV: Fact<ReceivedValue> = Fact::new("setenv");
const EXIT: Fact<ExitStatus> = Fact::new("exit");
const MESSAGE: Fact<Message> = Fact::new("message");
const STARTED: Fact<YesNo> = Fact::new("started");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    SPACES.fact.decl(),
    EXIT.decl(),
    MESSAGE.decl(),
    STARTED.decl(),
    TAB.fact.decl(),
    NEWLINE.fact.decl(),
    QUOTED_ASSIGNMENT.fact.decl(),
    QUOTED_VALUE.fact.decl(),
    LONE_QUOTE.fact.decl(),
    SETENV.decl(),
];

/// Values without quotes; each is launched alone, because releases refuse them.
const UNQUOTED: [Case; 3] = [TAB, NEWLINE, LONE_QUOTE];
const QUOTED: [Case; 2] = [QUOTED_ASSIGNMENT, QUOTED_VALUE];

fact_values! {
    /// The message of systemd-run.
    enum Message {
        InvalidEnvironmentBlock = "invalid-environment-block",
        SomethingElse = "something-else",
        Nothing = "nothing",
    }
}

impl Message {
    fn classify(stderr: &str) -> Self {
        if stderr.contains("Invalid environment block") {
            Self::InvalidEnvironmentBlock
        } else if stderr.is_empty() {
            Self::Nothing
        } else {
            Self::SomethingElse
        }
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    // All launches run at the same time: each has a unit of its own.
    let control = MarkerUnit::start(context, "control", &format!("{KEY}=a"))?;
    let spaces = MarkerUnit::start(context, SPACES.fact.name(), &SPACES.property_of(KEY))?;
    let mut remedies = vec![EnvAssignment::new("setenv", KEY, [format!("--setenv={KEY}=a b c")])];
    remedies.extend(QUOTED.map(|case| case.assignment(&case.variable())));
    let remedies = BatchLaunch::start(context, UnitType::Service, "remedies", remedies)?;
    let unquoted =
        UNQUOTED.map(|case| (case, case.assignment(KEY).launch(context, UnitType::Service)));

    let mut measurement = Measurement::default();
    let remedies = remedies.wait()?;
    // Without a launch that works, a refusal of the others would say nothing.
    let setenv = remedies[0].received(KEY, b"a b c").ok_or_else(|| {
        NotMeasured::Unmeasured(format!(
            "a control launch with --setenv did not start a service: {}",
            remedies[0].run.error_summary()
        ))
    })?;
    measurement.set_from(SETENV, setenv, &remedies[0].run);
    for (case, received) in QUOTED.into_iter().zip(&remedies[1..]) {
        case.record(&case.variable(), received, &mut measurement);
    }
    for (case, launch) in unquoted {
        case.record(KEY, &launch?.wait()?, &mut measurement);
    }
    let (launch, is_file_there) = control.finish()?;
    if !is_file_there {
        return Err(NotMeasured::Unmeasured(format!(
            "a control service that creates a file was not started: {}",
            launch.error_summary()
        )));
    }
    record_spaces(context, spaces, &mut measurement)?;
    Ok(measurement)
}

impl Case {
    /// Returns the property for a variable of that name.
    fn property_of(self, name: &str) -> String {
        self.property.replace("KEY", name)
    }

    fn assignment(self, name: &str) -> EnvAssignment {
        EnvAssignment::property(self.fact.name(), name, &self.property_of(name))
    }

    /// Returns the name of its variable in a launch that it shares with other cases.
    fn variable(self) -> String {
        format!("DOCTOR_{}", self.fact.name().to_uppercase().replace('-', "_"))
    }

    fn record(self, name: &str, received: &ReceivedEnv, measurement: &mut Measurement) {
        let outcome = received.outcome(name, self.expected.as_bytes());
        measurement.set_from(self.fact, outcome, &received.run);
    }
}

/// A unit that creates a file and stays loaded. Its launch ends after its command, because its type
/// is `oneshot`.
struct MarkerUnit {
    unit: String,
    file: PathBuf,
    launch: Child,
}

impl MarkerUnit {
    fn start(context: &ProbeContext, label: &str, assignment: &str) -> Result<Self, CommandError> {
        let unit = context.unit_name(&format!("marker_{label}"), "service");
        let file = context.dir().join(label);
        let launch = context
            .systemd_run()
            .args(["--quiet", &format!("--unit={unit}")])
            .args(["-p", "Type=oneshot", "-p", "RemainAfterExit=yes"])
            .args(["-p", &format!("Environment={assignment}"), "--", "touch"])
            .arg(&file)
            .start()?;
        Ok(Self { unit, file, launch })
    }

    /// Waits for the launch, and returns it and whether the file is there.
    fn finish(self) -> Result<(Output, bool), NotMeasured> {
        Ok((self.launch.wait()?, fs::exists(self.file)?))
    }
}

/// Records how the launch with spaces ended, and whether its unit was started: a unit that was is
/// still loaded, and has created its file. The manager handles requests in order, so it knows a unit
/// that the launch had asked for by now.
fn record_spaces(
    context: &ProbeContext,
    spaces: MarkerUnit,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let unit = spaces.unit.clone();
    let (launch, is_file_there) = spaces.finish()?;
    let state =
        context.systemctl().args(["show", "--property=LoadState", "--value", "--", &unit]).run()?;
    if !state.success() {
        return Err(NotMeasured::Unmeasured(format!(
            "`systemctl show` failed: {}",
            state.error_summary()
        )));
    }
    let is_started = is_file_there || state.stdout_text() != "not-found";
    if is_started || launch.success() {
        // The marker unit does not print its environment; another launch does.
        let received = SPACES.assignment(KEY).launch(context, UnitType::Service)?.wait()?;
        SPACES.record(KEY, &received, measurement);
    } else {
        measurement.set_from(SPACES.fact, EnvOutcome::Rejected, &launch);
    }
    measurement.set_from(EXIT, ExitStatus::from(&launch), &launch);
    measurement.set_from(MESSAGE, Message::classify(&launch.stderr_text()), &launch);
    measurement.add_evidence(STARTED.name(), &launch);
    measurement.set_from(STARTED, YesNo::from(is_started), &state);
    measurement.detail("ending", launch.exit_description());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    #[test]
    fn a_message_is_classified_by_its_words() {
        let invalid = "Failed to start transient service unit: Invalid environment block.";
        for (stderr, value) in [
            (invalid, "invalid-environment-block"),
            ("Failed to start transient service unit: no", "something-else"),
            ("", "nothing"),
        ] {
            assert_eq!(Message::classify(stderr).as_str(), value);
        }
    }
}
