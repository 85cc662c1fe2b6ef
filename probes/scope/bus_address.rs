//! By which variables `systemd-run --scope` and `systemd-run --wait` find the user manager.

use std::ffi::OsString;
use std::path::PathBuf;

use super::support::private_scope::quiet_scope;
use crate::exec::{Command, Output};
use crate::fact_values;
use crate::host::{RuntimeDir, SocketState, User, bus_address};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What a launch does in an environment.
    enum LaunchOutcome {
        Starts = "starts",
        Refused = "refused",
    }
}

/// A variable of one launch; `Right` leads to the user manager.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Right,
    Wrong,
    Empty,
    Unset,
}
use Value::{Empty, Right, Unset, Wrong};

/// The variables of two launches, and the facts that they give.
struct Case {
    runtime_dir: Value,
    bus: Value,
    scope: Fact<LaunchOutcome>,
    wait: Fact<LaunchOutcome>,
}

impl Case {
    const fn new(runtime_dir: Value, bus: Value, [scope, wait]: [&'static str; 2]) -> Self {
        Self { runtime_dir, bus, scope: Fact::new(scope), wait: Fact::new(wait) }
    }
}

const CASES: [Case; 7] = [
    Case::new(Unset, Unset, ["scope-neither", "wait-neither"]),
    Case::new(Right, Unset, ["scope-dir-alone", "wait-dir-alone"]),
    Case::new(Unset, Right, ["scope-bus-alone", "wait-bus-alone"]),
    Case::new(Wrong, Right, ["scope-dir-wrong", "wait-dir-wrong"]),
    Case::new(Empty, Right, ["scope-dir-empty", "wait-dir-empty"]),
    Case::new(Right, Wrong, ["scope-bus-wrong", "wait-bus-wrong"]),
    Case::new(Right, Empty, ["scope-bus-empty", "wait-bus-empty"]),
];

pub(crate) const FACTS: &[FactDecl] = &{
    let mut facts = [CASES[0].scope.decl(); 2 * CASES.len()];
    let mut index = 0;
    while index < CASES.len() {
        facts[2 * index] = CASES[index].scope.decl();
        facts[2 * index + 1] = CASES[index].wait.decl();
        index += 1;
    }
    facts
};

/// The two kinds of launch: they connect to the manager in different ways.
const LAUNCHES: [(FactOf, LaunchCommand); 2] =
    [(|case| case.scope, scope), (|case| case.wait, wait)];

type FactOf = fn(&Case) -> Fact<LaunchOutcome>;
type LaunchCommand = fn(&ProbeContext, &str) -> Command;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        let reason = "it examines how the user manager is found, and --manager system was given";
        return Err(NotMeasured::Skipped(reason.into()));
    }
    context.require_manager()?;
    let variables = BusVariables::find(context)?;
    let mut measurement = Measurement::default();
    let mut started = 0;
    // One launch after the other: the manager sends every launch in progress a signal for each
    // unit.
    for (fact_of, launch) in LAUNCHES {
        for case in &CASES {
            let fact = fact_of(case);
            let command = launch(context, fact.name());
            let command = variables.apply(command, case.runtime_dir, case.bus);
            let run = command.args(["--", "true"]).run()?;
            let is_started = run.success();
            let value = if is_started { LaunchOutcome::Starts } else { LaunchOutcome::Refused };
            started += usize::from(is_started);
            measurement.set_from(fact, value, &run);
        }
        let control = variables.apply(launch(context, "control"), Right, Right);
        check_control(&control.args(["--", "true"]).run()?)?;
    }
    if started == FACTS.len() {
        let reason = "systemd-run succeeds even where it can find no manager: it does not launch";
        return Err(NotMeasured::Unmeasured(reason.into()));
    }
    Ok(measurement)
}

fn scope(context: &ProbeContext, _: &str) -> Command {
    quiet_scope(context)
}

fn wait(context: &ProbeContext, label: &str) -> Command {
    let unit = context.unit_name(label, "service");
    // The condition fails, so the unit starts no process, and systemd-run has no properties of one
    // to read.
    let options = ["--quiet", "--collect", "--wait", "--property=ConditionPathExists=!/"];
    context.systemd_run().args(options).arg(format!("--unit={unit}"))
}

/// Requires a launch that works: without one, a refusal of the others says nothing.
fn check_control(run: &Output) -> Result<(), NotMeasured> {
    if run.success() {
        return Ok(());
    }
    Err(NotMeasured::Unmeasured(format!(
        "a launch with both variables right failed as well: {}",
        run.error_summary()
    )))
}

/// The right and the wrong values of both variables.
struct BusVariables {
    runtime_dir: PathBuf,
    bus: OsString,
    missing_dir: PathBuf,
    missing_bus: OsString,
}

impl BusVariables {
    /// Finds the runtime directory in which the user manager and the user's bus listen:
    /// `XDG_RUNTIME_DIR`, or else `/run/user/UID`.
    fn find(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let user = User::current();
        let set = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let is_complete = |dir: &PathBuf| {
            let live = SocketState::Live;
            RuntimeDir::inspect(Some(dir.as_os_str()), user.uid)
                == RuntimeDir::Own { private: live, bus: live }
        };
        let default = user.runtime_dir();
        let runtime_dir =
            set.into_iter().chain([default.clone()]).find(is_complete).ok_or_else(|| {
                let default = default.display();
                NotMeasured::Skipped(format!(
                    "no user manager with a message bus listens in {default}"
                ))
            })?;
        let missing_dir = context.dir().join("nowhere");
        let bus = bus_address(runtime_dir.join("bus").as_os_str());
        let missing_bus = bus_address(missing_dir.as_os_str());
        Ok(Self { runtime_dir, bus, missing_dir, missing_bus })
    }

    /// Sets both variables of a command.
    fn apply(&self, command: Command, runtime_dir: Value, bus: Value) -> Command {
        let runtime_dir = match runtime_dir {
            Right => Some(self.runtime_dir.as_os_str()),
            Wrong => Some(self.missing_dir.as_os_str()),
            Empty => Some("".as_ref()),
            Unset => None,
        };
        let bus = match bus {
            Right => Some(self.bus.as_os_str()),
            Wrong => Some(self.missing_bus.as_os_str()),
            Empty => Some("".as_ref()),
            Unset => None,
        };
        command.env_opt("XDG_RUNTIME_DIR", runtime_dir).env_opt("DBUS_SESSION_BUS_ADDRESS", bus)
    }
}
