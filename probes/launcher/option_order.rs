//! What becomes of `--setenv` behind the command, and of `-p Environment=` with `--scope`.

use super::delivery::{Delivery, Fate, KEY, Way, start_bare};
use crate::sandbox::{CommandError, Running, Sandbox};
use crate::{Measurement, Unable};

/// Prints what it was given as its own name, and the variable. `$0` is not replaced in a service,
/// because more stands beside it in the same word.
const SHOW: &str = "echo \"$0\"; printenv DOCTOR_VALUE; :";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let assignment = format!("{KEY}=a");
    let option = format!("--setenv={assignment}");
    let property = format!("Environment={assignment}");
    let deliver = |way: Way, label: &str, words: &[&str]| {
        Delivery::start(sandbox, way, label, &[KEY], |command| command.args(words))
    };
    let before = deliver(Way::Service, "before", &[&option])?;
    let separate = deliver(Way::Service, "separate", &["--setenv", &assignment])?;
    // That scopes take properties at all is seen beside the one that they do not take.
    let scope_setenv =
        deliver(Way::Scope, "scope-setenv", &["-p", "Description=launch-doctor", &option])?;
    let scope_property = deliver(Way::Scope, "scope-property", &["-p", &property])?;
    let bare = start_bare(sandbox, Way::Scope, "bare", &["-p", &property])?;
    let behind = ["--wait", "--scope"].map(|way| (way, start_behind(sandbox, way, &option)));

    let mut measurement = Measurement::default();
    for (fact, delivery) in [
        ("before", before),
        ("separate", separate),
        ("scope-setenv", scope_setenv),
        ("scope-property", scope_property),
    ] {
        let arrival = delivery.wait()?;
        let fate = arrival.fate(KEY, b"a");
        let is_control = matches!(fact, "before" | "scope-setenv");
        if is_control && fate == Fate::Rejected {
            return Err(Unable::Unmeasured(format!(
                "even a launch with --setenv before the command did not start it: {}",
                arrival.run.errors()
            )));
        }
        measurement.fact_from(fact, fate.name(), &arrival.run);
    }
    let bare = bare.wait()?;
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
