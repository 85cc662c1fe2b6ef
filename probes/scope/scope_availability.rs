//! Whether a transient scope of the user manager can be started here, and if not, why not.

use std::path::Path;
use std::time::{Duration, Instant};

use super::support::availability::{AVAILABLE, Availability};
use super::support::bus_env::{BusEnvironment, BusQuality};
use super::support::missing_manager::listens_again;
use super::support::scope_diagnosis::{diagnose, missing_program};
use super::support::slice_name_syntax::{
    decodes_to_text, escape_for_display, suggest, to_unit_name,
};
use super::support::slice_snapshot::SliceSnapshot;
use crate::exec::{Command, CommandError, Output};
use crate::fact_values;
use crate::host::{Cgroup, User};
use crate::sandbox::{Evidence, Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// How long a launcher waits for a scope before it starts agents without one.
const LAUNCHER_TIMEOUT: Duration = Duration::from_secs(5);
/// More than half of that is slow: under a little more load it is too late.
const SLOW: Duration = Duration::from_millis(2500);
/// The environment variable that names the slice for agents.
const SLICE_VARIABLE: &str = "GC_AGENT_SLICE";

fact_values! {
    /// Where a process is that was started in a scope of the named slice.
    enum Placement {
        AsNamed = "as-named",
        Elsewhere = "elsewhere",
        Nowhere = "nowhere",
    }
}

const LANDED: Fact<Placement> = Fact::new("landed");
const ADDRESS: Fact<BusQuality> = Fact::new("address");
pub(crate) const FACTS: &[FactDecl] = &[AVAILABLE.decl(), LANDED.decl(), ADDRESS.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        let reason = "it examines scopes of the user manager, and --manager system was given";
        return Err(NotMeasured::Skipped(reason.into()));
    }
    let user = User::current();
    let mut measurement = Measurement::default();
    describe(context, &user, &mut measurement);
    if !decodes_to_text(&context.slice()) {
        // Not even tried: while such a slice exists, no client can list the manager's units.
        measurement.set(AVAILABLE, Availability::SliceNoText);
        return Ok(measurement);
    }
    // A manager that is re-executed refuses connections for a moment.
    if launch(context, &user, &mut measurement)? || launch(context, &user, &mut measurement)? {
        return Ok(measurement);
    }
    Err(NotMeasured::Unmeasured(
        "the user manager refused a scope twice, and was ready again a moment later each time"
            .into(),
    ))
}

/// Starts a scope and records the facts. Returns `false` if the manager refused only for a moment.
fn launch(
    context: &ProbeContext,
    user: &User,
    measurement: &mut Measurement,
) -> Result<bool, NotMeasured> {
    let environment = BusEnvironment::detect(user);
    let slices = SliceSnapshot::capture(context);
    let started = Instant::now();
    let launch = match scope(context).arg("true").start() {
        Ok(launch) => launch,
        Err(error) => {
            missing_program(&error, &environment, measurement);
            return Ok(true);
        }
    };
    // A second scope, at the same time, prints its cgroup.
    let placement = scope(context).args(["cat", "/proc/self/cgroup"]).start()?;
    match launch.wait() {
        Ok(run) if run.success() => {
            let cgroup = record_placement(context, &placement.wait()?, measurement)?;
            // Measured again before it is called slow: this run's other launches may have delayed
            // it.
            let again = || scope(context).arg("true").run();
            let is_slow = run.elapsed > SLOW && again().map_or(true, |run| run.elapsed > SLOW);
            let value = if is_slow { Availability::Slow } else { Availability::Works };
            measurement.set_from(AVAILABLE, value, &run);
            measurement.set_from(ADDRESS, quality(&environment, user), &run);
            measurement.detail("ms", run.elapsed.as_millis().to_string());
            slices.stop_new(&cgroup);
        }
        Ok(run) => return diagnose(context, user, &environment, &run, measurement),
        Err(CommandError::Deadline { .. }) if context.deadline() > started + LAUNCHER_TIMEOUT => {
            record_no_answer(context, started.elapsed(), measurement);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(true)
}

/// Returns which variable is wrong although a scope was started. A closed socket is examined again: the manager may
/// have been re-executed.
fn quality(environment: &BusEnvironment, user: &User) -> BusQuality {
    if environment.is_manager_socket_dead()
        && let Some(dir) = std::env::var_os("XDG_RUNTIME_DIR")
        && listens_again(Path::new(&dir))
    {
        return BusEnvironment::detect(user).quality();
    }
    environment.quality()
}

/// Returns the command by which a launcher tests for scopes, without the words after `--`.
fn scope(context: &ProbeContext) -> Command {
    context
        .systemd_run()
        .arg("--scope")
        .arg(context.slice_option())
        .args(["--collect", "--quiet", "--"])
        .timeout(LAUNCHER_TIMEOUT)
}

/// Records the values of this host that the card's texts contain.
fn describe(context: &ProbeContext, user: &User, measurement: &mut Measurement) {
    let variable = |name| escape_for_display(&std::env::var_os(name).unwrap_or_default());
    let slice = context.slice();
    let runtime_dir = user.runtime_dir();
    for (key, value) in [
        ("user", user.name.clone()),
        ("uid", user.uid.to_string()),
        ("home", runtime_dir.display().to_string()),
        ("runtime-dir", variable("XDG_RUNTIME_DIR")),
        ("bus-address", variable("DBUS_SESSION_BUS_ADDRESS")),
        ("slice", escape_for_display(&slice)),
        ("unit", escape_for_display(&to_unit_name(&slice))),
        ("suggested", suggest(&slice)),
    ] {
        measurement.detail(key, value);
    }
    // A fix that changes nothing is not printed: a command is printed once for each value of its
    // list.
    let is_set = std::env::var_os(SLICE_VARIABLE).is_some_and(|value| !value.is_empty());
    measurement.list("slice-variable", is_set.then(|| SLICE_VARIABLE.to_owned()));
    let is_right = std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|dir| *dir == *runtime_dir);
    let right = (!is_right).then(|| runtime_dir.display().to_string());
    measurement.list("right-runtime-dir", right);
    // In the right directory the manager has lost its socket, and makes it again.
    measurement.list("manager-option", is_right.then(|| "--user".to_owned()));
    measurement.list("linger-user", None);
}

/// Records the slice of the scope whose command printed its cgroup, and returns the cgroup.
fn record_placement(
    context: &ProbeContext,
    run: &Output,
    measurement: &mut Measurement,
) -> Result<Cgroup, NotMeasured> {
    let Some(cgroup) = Cgroup::parse(&run.stdout_text()).filter(|_| run.success()) else {
        return Err(NotMeasured::Unmeasured(format!(
            "one scope was started, and another at the same time failed: {}",
            run.error_summary()
        )));
    };
    let slices = cgroup.user_slices();
    let slice = slices.last().copied().unwrap_or("-.slice");
    let value = if cgroup == Cgroup::of_pid(std::process::id())? {
        Placement::Nowhere
    } else if to_unit_name(&context.slice()) == slice {
        Placement::AsNamed
    } else {
        Placement::Elsewhere
    };
    measurement.detail("landed", slice);
    let is_own = context.settings.slice.is_none();
    measurement.detail("place", if is_own { "a slice of its own" } else { slice });
    measurement.set_from(LANDED, value, run);
    Ok(cgroup)
}

fn record_no_answer(context: &ProbeContext, elapsed: Duration, measurement: &mut Measurement) {
    let slice = escape_for_display(&context.slice_option());
    let argv = ["systemd-run", "--user", "--scope", &slice, "--collect", "--quiet", "--", "true"];
    measurement.set(AVAILABLE, Availability::NoAnswer);
    measurement.evidence.push(Evidence {
        fact: AVAILABLE.name().into(),
        argv: argv.map(str::to_owned).into(),
        exit: None,
        stderr: String::new(),
        ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    measurement.detail("seconds", format!("{:.1}", elapsed.as_secs_f64()));
}
