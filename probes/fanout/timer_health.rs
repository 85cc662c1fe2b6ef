//! Whether each timer will elapse again, and whether its unit can be started then.

use std::env;
use std::path::PathBuf;

use super::support::timer_state::{TimerState, Timers};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether each active timer elapses again.
    enum Elapse {
        None = "none",
        Scheduled = "scheduled",
        Past = "date-passed",
        Unanchored = "unanchored",
    }
}

fact_values! {
    /// Whether each enabled timer is active.
    enum Activation {
        All = "all",
        Inactive = "not-started",
        Failed = "failed",
    }
}

fact_values! {
    /// Whether the units of timers have ended when they are to be started again.
    enum UnitEnd {
        Ended = "ended",
        LongRunning = "long-running",
        ExitedWithProcesses = "exited-with-processes",
        Exited = "exited",
    }
}

fact_values! {
    /// Whether the units of timers can be started.
    enum Startable {
        Yes = "yes",
        StartLimit = "start-limit",
        Missing = "missing",
    }
}

const ELAPSE: Fact<Elapse> = Fact::new("elapse");
const STARTED: Fact<Activation> = Fact::new("started");
const UNIT_END: Fact<UnitEnd> = Fact::new("unit-end");
const STARTABLE: Fact<Startable> = Fact::new("startable");
pub(crate) const FACTS: &[FactDecl] =
    &[ELAPSE.decl(), STARTED.decl(), UNIT_END.decl(), STARTABLE.decl()];

/// The number of elapses during one run from which on some are lost: systemd makes up for one.
const LOST_FROM: u64 = 2;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let Timers { timers, run } = Timers::read(context)?;
    let mut measurement = Measurement::default();
    measurement.detail("manager", context.settings.manager.option());
    measurement.detail("dir", unit_dir(context).to_string_lossy());
    measurement.detail("timers", count(&timers));
    let active = || timers.iter().filter(|state| state.is_active());

    let unanchored = names(active().filter(|state| state.is_unanchored()));
    let past = names(active().filter(|state| state.is_past()));
    let elapse = match (&unanchored[..], &past[..]) {
        _ if active().next().is_none() => Elapse::None,
        ([_, ..], _) => Elapse::Unanchored,
        ([], [_, ..]) => Elapse::Past,
        ([], []) => Elapse::Scheduled,
    };
    measurement.set_from(ELAPSE, elapse, &run);
    list(&mut measurement, "unanchored", unanchored);
    list(&mut measurement, "past", past);

    let can_start = |state: &&TimerState| state.unit.load_error().is_none();
    let failed = names(timers.iter().filter(|state| state.has_failed()).filter(can_start));
    let inactive = timers.iter().filter(|state| state.is_enabled_and_inactive());
    let not_started = names(inactive.filter(can_start));
    let started = match (&failed[..], &not_started[..]) {
        ([_, ..], _) => Activation::Failed,
        ([], [_, ..]) => Activation::Inactive,
        ([], []) => Activation::All,
    };
    measurement.set_from(STARTED, started, &run);
    list(&mut measurement, "failed", failed);
    list(&mut measurement, "inactive", not_started);

    record_unit_ends(context, &timers, &mut measurement)?;
    record_starts(&timers, &mut measurement);
    for fact in [UNIT_END.name(), STARTABLE.name()] {
        measurement.add_evidence(fact, &run);
    }
    Ok(measurement)
}

/// Records for which timers the unit that they started is still active.
fn record_unit_ends(
    context: &ProbeContext,
    timers: &[TimerState],
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let (mut exited, mut left, mut running, mut lost) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for state in timers.iter().filter(|state| state.waits_for_unit()) {
        let unit = state.timer.service.clone();
        if state.unit.has_exited() {
            if state.unit.has_processes() {
                left.push(unit);
            } else {
                exited.push(unit);
            }
            continue;
        }
        let elapses = state.unit.elapses_since_start(context, &state.timer)?;
        if elapses >= LOST_FROM {
            running.push(unit);
            lost += elapses - 1;
        }
    }
    let value = match (&exited[..], &left[..], &running[..]) {
        ([_, ..], ..) => UnitEnd::Exited,
        (_, [_, ..], _) => UnitEnd::ExitedWithProcesses,
        (_, _, [_, ..]) => UnitEnd::LongRunning,
        _ => UnitEnd::Ended,
    };
    measurement.set(UNIT_END, value);
    measurement
        .detail("lost", if lost == 1 { "1 run was".into() } else { format!("{lost} runs were") });
    list(measurement, "exited", exited);
    list(measurement, "left", left);
    list(measurement, "running", running);
    Ok(())
}

/// Records which units of timers are missing, or were started too often.
fn record_starts(timers: &[TimerState], measurement: &mut Measurement) {
    let wanted = || {
        timers.iter().filter(|state| {
            state.is_active() || state.has_failed() || state.is_enabled_and_inactive()
        })
    };
    let missing: Vec<String> = wanted()
        .filter_map(|state| {
            let why = state.unit.load_error()?;
            Some(format!("{} ({why}, for {})", state.timer.service, state.timer.name))
        })
        .collect();
    let limited: Vec<String> = wanted()
        .filter(|state| state.unit.hit_start_limit())
        .map(|state| state.timer.service.clone())
        .collect();
    let value = match (&missing[..], &limited[..]) {
        ([_, ..], _) => Startable::Missing,
        ([], [_, ..]) => Startable::StartLimit,
        ([], []) => Startable::Yes,
    };
    measurement.set(STARTABLE, value);
    list(measurement, "missing", missing);
    list(measurement, "limited", limited);
}

/// Records the names both as a list for the fixes and as a text for the sentences.
fn list(measurement: &mut Measurement, key: &str, names: Vec<String>) {
    measurement.detail(&format!("{key}-names"), names.join(", "));
    measurement.list(key, names);
}

fn names<'a>(timers: impl Iterator<Item = &'a TimerState>) -> Vec<String> {
    timers.map(|state| state.timer.name.clone()).collect()
}

fn count(timers: &[TimerState]) -> String {
    match timers.iter().filter(|state| state.is_active()).count() {
        1 => "1 timer is".into(),
        count => format!("{count} timers are"),
    }
}

/// Returns the directory of the administrator's or the user's own unit files (systemd.unit(5), "Unit File Load
/// Path").
fn unit_dir(context: &ProbeContext) -> PathBuf {
    if !context.is_user() {
        return "/etc/systemd/system".into();
    }
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || variable("HOME").unwrap_or_else(|| "/".into());
    variable("XDG_CONFIG_HOME").unwrap_or_else(|| home().join(".config")).join("systemd/user")
}
