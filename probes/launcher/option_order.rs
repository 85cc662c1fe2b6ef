//! Measures `--setenv` after the command, and `-p Environment=` with `--scope`.

use super::support::env_launch::{
    BatchLaunch, EnvAssignment, EnvOutcome, KEY, ReceivedEnv, ReceivedValue, UnitType, launch_true,
};
use super::support::exit_status::ExitStatus;
use crate::exec::{Child, CommandError};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const BEFORE: Fact<ReceivedValue> = Fact::new("before");
const SEPARATE: Fact<EnvOutcome> = Fact::new("separate");
const AFTER: Fact<TakenAs> = Fact::new("behind");
const SCOPE_AFTER: Fact<TakenAs> = Fact::new("scope-behind");
const SCOPE_SETENV: Fact<ReceivedValue> = Fact::new("scope-setenv");
const SCOPE_PROPERTY: Fact<EnvOutcome> = Fact::new("scope-property");
const SCOPE_EXIT: Fact<ExitStatus> = Fact::new("scope-exit");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    BEFORE.decl(),
    SEPARATE.decl(),
    AFTER.decl(),
    SCOPE_AFTER.decl(),
    SCOPE_SETENV.decl(),
    SCOPE_PROPERTY.decl(),
    SCOPE_EXIT.decl(),
];

fact_values! {
    /// What `--setenv` after the command is taken for.
    enum TakenAs {
        Argument = "argument",
        Option = "option",
        Rejected = "rejected",
    }
}

impl TakenAs {
    /// Classifies a launch by the output of its command.
    fn classify(output: &str, option: &str) -> Self {
        match output.lines().collect::<Vec<_>>()[..] {
            [name] if name == option => Self::Argument,
            [_, "a"] => Self::Option,
            _ => Self::Rejected,
        }
    }
}

/// The variable that an option of two words sets.
const SEPARATE_KEY: &str = "DOCTOR_SEPARATE";
/// Prints the argument that it was given as its name, and the variable. The manager does not replace
/// `$0` here, because it is only a part of the argument.
const SHOW: &str = "echo \"$0\"; printenv DOCTOR_VALUE; :";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let assignment = format!("{KEY}=a");
    let option = format!("--setenv={assignment}");
    let property = format!("Environment={assignment}");
    let services = vec![
        EnvAssignment::new("before", KEY, [&option]),
        EnvAssignment::new("separate", SEPARATE_KEY, ["--setenv", &format!("{SEPARATE_KEY}=a")]),
    ];
    let services = BatchLaunch::start(context, UnitType::Service, "services", services)?;
    // The control has a property that scopes take.
    let scope_setenv =
        EnvAssignment::new("scope-setenv", KEY, ["-p", "Description=launch-doctor", &option])
            .launch(context, UnitType::Scope)?;
    let scope_property = EnvAssignment::new("scope-property", KEY, ["-p", &property])
        .launch(context, UnitType::Scope)?;
    let after = [(AFTER, UnitType::Service), (SCOPE_AFTER, UnitType::Scope)]
        .map(|(fact, unit_type)| (fact, launch_option_last(context, unit_type, &option)));

    let mut measurement = Measurement::default();
    let services = services.wait()?;
    let (scope_setenv, scope_property) = (scope_setenv.wait()?, scope_property.wait()?);
    record_control(BEFORE, &services[0], &mut measurement)?;
    record_control(SCOPE_SETENV, &scope_setenv, &mut measurement)?;
    let separate = services[1].outcome(SEPARATE_KEY, b"a");
    measurement.set_from(SEPARATE, separate, &services[1].run);
    let outcome = scope_property.outcome(KEY, b"a");
    measurement.set_from(SCOPE_PROPERTY, outcome, &scope_property.run);
    let launch = if scope_property.is_started() {
        // The exit status of that launch is the command's; this one is systemd-run's.
        launch_true(context, UnitType::Scope, "bare", &["-p", &property])?.wait()?
    } else {
        scope_property.run
    };
    measurement.set_from(SCOPE_EXIT, ExitStatus::from(&launch), &launch);
    for (fact, child) in after {
        let run = child?.wait()?;
        measurement.set_from(fact, TakenAs::classify(&run.stdout_text(), &option), &run);
    }
    Ok(measurement)
}

/// Records what a launch with `--setenv` before the command received, without which the others say
/// nothing.
fn record_control(
    fact: Fact<ReceivedValue>,
    received: &ReceivedEnv,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let value = received.received(KEY, b"a").ok_or_else(|| {
        NotMeasured::Unmeasured(format!(
            "a control launch with --setenv before the command did not start it: {}",
            received.run.error_summary()
        ))
    })?;
    measurement.set_from(fact, value, &received.run);
    Ok(())
}

/// Launches a command with the option after it.
fn launch_option_last(
    context: &ProbeContext,
    unit_type: UnitType,
    option: &str,
) -> Result<Child, CommandError> {
    let (suffix, options): (_, &[&str]) = match unit_type {
        UnitType::Service => ("service", &["--wait", "--pipe"]),
        UnitType::Scope => ("scope", &["--scope"]),
    };
    let unit = format!("--unit={}", context.unit_name("option_last", suffix));
    context
        .systemd_run()
        .args(["--quiet", "--collect", &unit])
        .args(options)
        .args(["sh", "-c", SHOW, option])
        .start()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    #[test]
    fn the_output_of_the_command_shows_what_the_option_was_taken_for() {
        for (output, value) in [
            ("--setenv=KEY=a\n", "argument"),
            ("sh\na\n", "option"),
            ("", "rejected"),
            ("sh\n", "rejected"),
        ] {
            let taken_as = TakenAs::classify(output, "--setenv=KEY=a");
            assert_eq!(taken_as.as_str(), value, "{output:?}");
        }
    }
}
