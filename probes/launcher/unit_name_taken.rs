//! What `--unit=` does with a name that is in use, and what makes the name free again.

use super::forgotten;
use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// What the first unit of a name is, when the name is used again: the fact, the options and the
/// command of its launch, and the exit status of that.
const FIRSTS: [(&str, &[&str], &[&str], i32); 4] = [
    ("running", &[], &["sleep", "infinity"], 0),
    ("succeeded", &ENDED, &["true"], 0),
    ("failed", &ENDED, &["false"], 1),
    ("collected", &["-p", "Type=oneshot", "--collect"], &["false"], 1),
];
/// The launch of such a unit ends with its command.
const ENDED: [&str; 2] = ["-p", "Type=oneshot"];
/// A file of a unit that is not started.
const FILE: &str = "[Service]\nExecStart=/bin/sh\n";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let file = sandbox.unit_file("file", "service", FILE)?;
    let mut scope = open_scope(sandbox)?;
    let firsts = FIRSTS.map(|(label, options, command, status)| {
        (launch(sandbox, &name(sandbox, label), options, command), status)
    });
    for (first, status) in firsts {
        let first = first?.wait()?;
        if first.exit() != Some(status) {
            return Err(Unable::Unmeasured(format!(
                "a launch under a name that nobody has did not end with {status}: {}",
                first.failure()
            )));
        }
    }
    let is_scope_open = scope.next_line(0)?.is_some();
    let before = main_process(sandbox)?;
    let gone = ["succeeded", "collected"].map(|label| name(sandbox, label));
    forgotten::wait_for(sandbox, &gone.each_ref().map(String::as_str))?;

    let again =
        FIRSTS.map(|(label, ..)| (label, launch(sandbox, &name(sandbox, label), &[], &["true"])));
    let by_file = ("file", launch(sandbox, &file.unit, &[], &["true"]));
    let by_scope = ("scope", launch(sandbox, &scope_name(sandbox), &["--scope"], &["true"]));
    let mut measurement = Measurement::default();
    let mut refusal = String::new();
    for (fact, again) in again.into_iter().chain([by_file, by_scope]) {
        let again = again?.wait()?;
        // Where no scope can be made, its name is no question.
        if fact != "scope" || is_scope_open {
            let value = if again.success() { "free" } else { "taken" };
            measurement.fact_from(fact, value, &again);
        }
        if fact == "running" {
            refusal = again.ending();
        }
    }
    let failed = name(sandbox, "failed");
    sandbox.systemctl().args(["reset-failed", "--", &failed]).run()?;
    let reset = launch(sandbox, &failed, &[], &["true"])?.wait()?;
    measurement.fact_from("reset", if reset.success() { "free" } else { "taken" }, &reset);
    let after = main_process(sandbox)?;
    let goes_on = before.text() != "0" && after.success() && after.text() == before.text();
    measurement.fact_from("first", if goes_on { "goes-on" } else { "disturbed" }, &after);
    measurement.summary = summary(&measurement, &refusal);
    Ok(measurement)
}

fn name(sandbox: &Sandbox, label: &str) -> String {
    sandbox.unit_name(label, "service")
}

fn scope_name(sandbox: &Sandbox) -> String {
    sandbox.unit_name("scope", "scope")
}

fn launch(
    sandbox: &Sandbox,
    unit: &str,
    options: &[&str],
    command: &[&str],
) -> Result<Running, CommandError> {
    launcher(sandbox, unit, options).args(command).start()
}

fn launcher(sandbox: &Sandbox, unit: &str, options: &[&str]) -> Command {
    sandbox.systemd_run().args(["--quiet", &format!("--unit={unit}")]).args(options).arg("--")
}

/// A scope that writes a line once it is there, and stays open until its input is closed.
fn open_scope(sandbox: &Sandbox) -> Result<Running, CommandError> {
    launcher(sandbox, &scope_name(sandbox), &["--scope", "--collect"])
        .args(["sh", "-c", "echo up; read line"])
        .with_input()
        .start()
}

/// The main process of the unit that runs.
fn main_process(sandbox: &Sandbox) -> Result<Completed, CommandError> {
    let unit = name(sandbox, "running");
    sandbox.systemctl().args(["show", "--property=MainPID", "--value", "--", &unit]).run()
}

fn summary(measurement: &Measurement, refusal: &str) -> String {
    let fact = |name: &str| &measurement.facts[name];
    format!(
        "the name of a running unit is {} ({refusal}), of a failed one {}; after --collect it is \
         {}, after reset-failed {}",
        fact("running"),
        fact("failed"),
        fact("collected"),
        fact("reset"),
    )
}
