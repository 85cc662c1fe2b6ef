//! Measures what `--unit=` does with a name that is in use, and what makes the name free again.

use super::support::unit_unload::wait_until_unloaded;
use crate::exec::{Child, Command, CommandError, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const FIRST: Fact<FirstUnit> = Fact::new("first");
const RUNNING: Fact<Name> = Fact::new("running");
const SUCCEEDED: Fact<Name> = Fact::new("succeeded");
const FAILED: Fact<Name> = Fact::new("failed");
const COLLECTED: Fact<Name> = Fact::new("collected");
const RESET: Fact<Name> = Fact::new("reset");
const FILE: Fact<Name> = Fact::new("file");
const SCOPE: Fact<Name> = Fact::new("scope");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    FIRST.decl(),
    RUNNING.decl(),
    SUCCEEDED.decl(),
    FAILED.decl(),
    COLLECTED.decl(),
    RESET.decl(),
    FILE.decl(),
    SCOPE.decl(),
];

fact_values! {
    /// The running unit after a second launch under its name.
    enum FirstUnit {
        GoesOn = "goes-on",
        Disturbed = "disturbed",
    }
}

fact_values! {
    /// Whether a launch can use a name.
    enum Name {
        Free = "free",
        Taken = "taken",
    }
}

impl From<&Output> for Name {
    fn from(launch: &Output) -> Self {
        if launch.success() { Self::Free } else { Self::Taken }
    }
}

/// The first unit of a name: the fact about the name's second use, the options and the command of
/// the first launch, and its exit status.
type InitialUnit = (Fact<Name>, &'static [&'static str], &'static [&'static str], i32);

const INITIAL_UNITS: [InitialUnit; 4] = [
    (RUNNING, &[], &["sleep", "infinity"], 0),
    (SUCCEEDED, &ONESHOT, &["true"], 0),
    (FAILED, &ONESHOT, &["false"], 1),
    (COLLECTED, &["-p", "Type=oneshot", "--collect"], &["false"], 1),
];
/// The launch of such a unit returns when its command has ended.
const ONESHOT: [&str; 2] = ["-p", "Type=oneshot"];
/// The file of a unit that is not started.
const UNIT_FILE: &str = "[Service]\nExecStart=/bin/sh\n";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let file = context.unit_file(FILE.name(), "service", UNIT_FILE)?;
    let mut scope = open_scope(context)?;
    let initial = INITIAL_UNITS.map(|(fact, options, command, status)| {
        (launch(context, &unit_name(context, fact), options, command), status)
    });
    for (initial, status) in initial {
        let initial = initial?.wait()?;
        if initial.exit() != Some(status) {
            return Err(NotMeasured::Unmeasured(format!(
                "a launch under an unused name did not exit with {status}: {}",
                initial.error_summary()
            )));
        }
    }
    let is_scope_open = scope.next_line(0)?.is_some();
    let before = main_process(context)?;
    let unloaded = [SUCCEEDED, COLLECTED].map(|fact| unit_name(context, fact));
    wait_until_unloaded(context, &unloaded.each_ref().map(String::as_str))?;

    let again = INITIAL_UNITS
        .map(|(fact, ..)| (fact, launch(context, &unit_name(context, fact), &[], &["true"])));
    let by_file = (FILE, launch(context, &file.unit, &[], &["true"]));
    let by_scope = (SCOPE, launch(context, &scope_name(context), &["--scope"], &["true"]));
    let mut measurement = Measurement::default();
    for (fact, again) in again.into_iter().chain([by_file, by_scope]) {
        let again = again?.wait()?;
        // Where no scope could be opened, its name is not in use.
        if fact.name() != SCOPE.name() || is_scope_open {
            measurement.set_from(fact, Name::from(&again), &again);
        }
        if fact.name() == RUNNING.name() {
            measurement.detail("ending", again.exit_description());
        }
    }
    let failed = unit_name(context, FAILED);
    context.systemctl().args(["reset-failed", "--", &failed]).run()?;
    let reset = launch(context, &failed, &[], &["true"])?.wait()?;
    measurement.set_from(RESET, Name::from(&reset), &reset);
    let after = main_process(context)?;
    let is_same = before.stdout_text() != "0"
        && after.success()
        && after.stdout_text() == before.stdout_text();
    let first = if is_same { FirstUnit::GoesOn } else { FirstUnit::Disturbed };
    measurement.set_from(FIRST, first, &after);
    Ok(measurement)
}

fn unit_name(context: &ProbeContext, fact: Fact<Name>) -> String {
    context.unit_name(fact.name(), "service")
}

fn scope_name(context: &ProbeContext) -> String {
    context.unit_name(SCOPE.name(), "scope")
}

fn launch(
    context: &ProbeContext,
    unit: &str,
    options: &[&str],
    command: &[&str],
) -> Result<Child, CommandError> {
    systemd_run(context, unit, options).args(command).start()
}

fn systemd_run(context: &ProbeContext, unit: &str, options: &[&str]) -> Command {
    context.systemd_run().args(["--quiet", &format!("--unit={unit}")]).args(options).arg("--")
}

/// Opens a scope that writes a line once it runs, and runs until its input is closed.
fn open_scope(context: &ProbeContext) -> Result<Child, CommandError> {
    systemd_run(context, &scope_name(context), &["--scope", "--collect"])
        .args(["sh", "-c", "echo up; read line"])
        .piped_stdin()
        .start()
}

/// Reads the main process of the running unit.
fn main_process(context: &ProbeContext) -> Result<Output, CommandError> {
    let unit = unit_name(context, RUNNING);
    context.systemctl().args(["show", "--property=MainPID", "--value", "--", &unit]).run()
}
