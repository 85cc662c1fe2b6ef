//! Measures `-p Environment=KEY="a b=c"`: a word after a space that has the form of an assignment
//! becomes a variable.

use super::support::env_launch::{
    BatchLaunch, EnvAssignment, EnvOutcome, KEY, ReceivedValue, UnitType, launch_true,
};
use super::support::exit_status::ExitStatus;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const VALUE: Fact<EnvOutcome> = Fact::new("value");
const STRAY: Fact<Stray> = Fact::new("stray");
const EXIT: Fact<ExitStatus> = Fact::new("exit");
const MESSAGE: Fact<Message> = Fact::new("message");
const NEWLINE: Fact<EnvOutcome> = Fact::new("newline");
const JSON: Fact<EnvOutcome> = Fact::new("json");
const REPEATED: Fact<EnvOutcome> = Fact::new("repeated");
const PATH: Fact<Path> = Fact::new("path");
const QUOTED: Fact<EnvOutcome> = Fact::new("quoted");
const SETENV: Fact<ReceivedValue> = Fact::new("setenv");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    VALUE.decl(),
    STRAY.decl(),
    EXIT.decl(),
    MESSAGE.decl(),
    NEWLINE.decl(),
    JSON.decl(),
    REPEATED.decl(),
    PATH.decl(),
    QUOTED.decl(),
    SETENV.decl(),
];

fact_values! {
    /// Whether the variable that only a split value assigns is set.
    enum Stray {
        Set = "set",
        NotSet = "not-set",
    }
}

fact_values! {
    /// What systemd-run wrote to standard error.
    enum Message {
        Nothing = "nothing",
        Something = "something",
    }
}

fact_values! {
    /// The unit's PATH after a value with `PATH=…` in it.
    enum Path {
        Replaced = "replaced",
        Kept = "kept",
    }
}

/// The variable that only a split value assigns.
const STRAY_KEY: &str = "DOCTOR_STRAY";
/// The value that should reach the unit.
const INTENDED: &str = "a DOCTOR_STRAY=c";
/// The PATH of a unit whose value was split.
const OTHER_PATH: &str = "/nowhere";
/// The variable of the quoted assignment.
const QUOTED_KEY: &str = "DOCTOR_QUOTED";
/// Values that are measured in one unit, each with its variable.
const VALUES: [(Fact<EnvOutcome>, &str, &str); 3] = [
    (VALUE, "DOCTOR_A", INTENDED),
    (NEWLINE, "DOCTOR_B", "a\nDOCTOR_STRAY_B=c"),
    (JSON, "DOCTOR_C", r#"{"a": "DOCTOR_STRAY_C=c"}"#),
];
/// A value that assigns its own variable again; it has a unit of its own, because releases refuse it.
const REPEATED_VALUE: &str = "a DOCTOR_VALUE=c";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let property = |label: &str, name: &str, value: &str| {
        EnvAssignment::property(label, name, &format!("{name}={value}"))
    };
    let remedies = vec![
        EnvAssignment::new("setenv", KEY, [format!("--setenv={KEY}={INTENDED}")]),
        EnvAssignment::property("quoted", QUOTED_KEY, &format!("\"{QUOTED_KEY}={INTENDED}\"")),
    ];
    let mut split = VALUES.map(|(fact, name, value)| property(fact.name(), name, value)).to_vec();
    split[0] = split[0].clone().and_read(STRAY_KEY);
    split.push(property("path", "DOCTOR_D", &format!("a PATH={OTHER_PATH}")).and_read("PATH"));

    let remedies = BatchLaunch::start(context, UnitType::Service, "remedies", remedies)?;
    let split = BatchLaunch::start(context, UnitType::Service, "values", split)?;
    let repeated =
        property(REPEATED.name(), KEY, REPEATED_VALUE).launch(context, UnitType::Service)?;
    let options = ["-p", &format!("Environment={KEY}={INTENDED}")];
    let unattached = launch_true(context, UnitType::Service, "bare", &options)?;

    let mut measurement = Measurement::default();
    let remedies = remedies.wait()?;
    let setenv = remedies[0].received(KEY, INTENDED.as_bytes()).ok_or_else(|| {
        NotMeasured::Unmeasured(format!(
            "a control launch with --setenv did not start a service: {}",
            remedies[0].run.error_summary()
        ))
    })?;
    measurement.set_from(SETENV, setenv, &remedies[0].run);
    let quoted = remedies[1].outcome(QUOTED_KEY, INTENDED.as_bytes());
    measurement.set_from(QUOTED, quoted, &remedies[1].run);
    let split = split.wait()?;
    for ((fact, name, value), received) in VALUES.into_iter().zip(&split) {
        let outcome = received.outcome(name, value.as_bytes());
        measurement.set_from(fact, outcome, &received.run);
    }
    let repeated = repeated.wait()?;
    let outcome = repeated.outcome(KEY, REPEATED_VALUE.as_bytes());
    measurement.set_from(REPEATED, outcome, &repeated.run);
    let stray = if split[0].value(STRAY_KEY).is_some() { Stray::Set } else { Stray::NotSet };
    measurement.set_from(STRAY, stray, &split[0].run);
    let is_replaced = split[3].value("PATH") == Some(OTHER_PATH.as_bytes());
    let path = if is_replaced { Path::Replaced } else { Path::Kept };
    measurement.set_from(PATH, path, &split[3].run);
    let unattached = unattached.wait()?;
    measurement.set_from(EXIT, ExitStatus::from(&unattached), &unattached);
    let is_silent = unattached.stderr_text().is_empty();
    let message = if is_silent { Message::Nothing } else { Message::Something };
    measurement.set_from(MESSAGE, message, &unattached);
    measurement.detail("ending", unattached.exit_description());
    Ok(measurement)
}
