//! What becomes of `--setenv` behind the command, and of `-p Environment=` with `--scope`.

use super::delivery::{Fate, KEY, Parcel, Shipment, Way, start_bare};
use crate::sandbox::{CommandError, Running, Sandbox};
use crate::{Measurement, Unable};

/// The variable that is set by an option in two words.
const SEPARATE: &str = "DOCTOR_SEPARATE";
/// Prints what it was given as its own name, and the variable. `$0` is not replaced in a service,
/// because more stands beside it in the same word.
const SHOW: &str = "echo \"$0\"; printenv DOCTOR_VALUE; :";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let assignment = format!("{KEY}=a");
    let option = format!("--setenv={assignment}");
    let property = format!("Environment={assignment}");
    let services = vec![
        Parcel::new("before", KEY, [&option]),
        Parcel::new("separate", SEPARATE, ["--setenv", &format!("{SEPARATE}=a")]),
    ];
    let services = Shipment::start(sandbox, Way::Service, "services", services)?;
    // That scopes take properties at all is seen beside the one that they do not take.
    let scope_setenv =
        Parcel::new("scope-setenv", KEY, ["-p", "Description=launch-doctor", &option])
            .send(sandbox, Way::Scope)?;
    let scope_property =
        Parcel::new("scope-property", KEY, ["-p", &property]).send(sandbox, Way::Scope)?;
    let behind = ["--wait", "--scope"].map(|way| (way, start_behind(sandbox, way, &option)));

    let mut measurement = Measurement::default();
    let services = services.wait()?;
    let scope_property = scope_property.wait()?;
    for (fact, name, arrival) in [
        ("before", KEY, &services[0]),
        ("separate", SEPARATE, &services[1]),
        ("scope-setenv", KEY, &scope_setenv.wait()?),
        ("scope-property", KEY, &scope_property),
    ] {
        let fate = arrival.fate(name, b"a");
        let is_control = matches!(fact, "before" | "scope-setenv");
        if is_control && fate == Fate::Rejected {
            return Err(Unable::Unmeasured(format!(
                "even a launch with --setenv before the command did not start it: {}",
                arrival.run.failure()
            )));
        }
        measurement.fact_from(fact, fate.name(), &arrival.run);
    }
    let bare = if scope_property.is_started() {
        // The command's exit status is not that of systemd-run.
        start_bare(sandbox, Way::Scope, "bare", &["-p", &property])?.wait()?
    } else {
        scope_property.run
    };
    measurement.fact_from("scope-exit", if bare.success() { "zero" } else { "nonzero" }, &bare);
    for (way, running) in behind {
        let fact = if way == "--scope" { "scope-behind" } else { "behind" };
        let run = running?.wait()?;
        measurement.fact_from(fact, taken_as(&run.text(), &option), &run);
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// Launches with the option behind the command.
fn start_behind(sandbox: &Sandbox, way: &str, option: &str) -> Result<Running, CommandError> {
    let suffix = if way == "--scope" { "scope" } else { "service" };
    let unit = format!("--unit={}", sandbox.unit_name("behind", suffix));
    let mut command = sandbox.systemd_run().args(["--quiet", "--collect", &unit, way]);
    if suffix == "service" {
        command = command.arg("--pipe");
    }
    command.args(["sh", "-c", SHOW, option]).start()
}

/// What the option was taken for, by what the command printed.
fn taken_as(printed: &str, option: &str) -> &'static str {
    match printed.lines().collect::<Vec<_>>()[..] {
        [name] if name == option => "argument",
        [_, "a"] => "option",
        _ => "rejected",
    }
}

fn summary(measurement: &Measurement) -> String {
    let fact = |name: &str| &measurement.facts[name];
    format!(
        "--setenv behind the command is taken as {} (scope: {}); -p Environment= with --scope is {}, \
         --setenv with --scope {}",
        match fact("behind").as_str() {
            "argument" => "an argument of the command",
            "option" => "an option",
            other => other,
        },
        fact("scope-behind"),
        fact("scope-property"),
        fact("scope-setenv"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_option_was_taken_for_is_seen_in_what_the_command_printed() {
        for (printed, expected) in [
            ("--setenv=KEY=a\n", "argument"),
            ("sh\na\n", "option"),
            ("", "rejected"),
            ("sh\n", "rejected"),
        ] {
            assert_eq!(taken_as(printed, "--setenv=KEY=a"), expected, "{printed:?}");
        }
    }
}
