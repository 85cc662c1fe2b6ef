use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::availability::{AVAILABLE, Availability};
use super::bus_env::BusEnvironment;
use super::manager_limits::reached_limit;
use super::missing_manager::{diagnose_missing_manager, record_masked};
use super::refused_scope::record_refusal;
use super::slice_name_syntax::{is_well_formed, to_unit_name};
use super::user_manager_units::UserManagerUnits;
use crate::exec::{CommandError, Output};
use crate::host::{Cgroup, SocketState, User};
use crate::sandbox::{Evidence, Measurement, NotMeasured, ProbeContext};

/// Where distributions install systemd-run.
const PROGRAM_DIRS: [&str; 3] = ["/usr/bin", "/bin", "/run/current-system/sw/bin"];

/// Records why systemd-run itself could not be started.
pub(crate) fn missing_program(
    error: &CommandError,
    environment: &BusEnvironment,
    measurement: &mut Measurement,
) {
    let is_executable =
        |dir: &&str| access(&Path::new(dir).join("systemd-run"), AccessFlags::X_OK).is_ok();
    let value = match PROGRAM_DIRS.into_iter().find(is_executable) {
        _ if !environment.is_booted => Availability::NoSystemd,
        Some(dir) => {
            measurement.detail("programs", dir);
            Availability::SystemdRunOutsidePath
        }
        None => Availability::NoSystemdRun,
    };
    measurement.set(AVAILABLE, value);
    measurement.detail("message", error.to_string());
}

/// Records why systemd-run failed. It does not parse the message, which differs between releases:
/// it examines what systemd-run needs, asks PID 1 and logind about the manager, and compares with launches that
/// differ in one thing. Returns `false` if the manager refused only for a moment: then the launch is worth another
/// attempt.
pub(crate) fn diagnose(
    context: &ProbeContext,
    user: &User,
    environment: &BusEnvironment,
    run: &Output,
    measurement: &mut Measurement,
) -> Result<bool, NotMeasured> {
    let value = match environment.diagnosis() {
        Some(
            inferred @ (Availability::NoUserManager
            | Availability::UserManagerStopped
            | Availability::SocketRefuses),
        ) => diagnose_missing_manager(context, user, inferred, measurement)?,
        Some(value) => Some(value),
        None => diagnose_beyond_bus(context, user, environment, run, measurement)?,
    };
    let Some(value) = value else { return Ok(false) };
    measurement.set(AVAILABLE, value);
    measurement.evidence.insert(0, Evidence::of(AVAILABLE.name(), run));
    let errors = run.stderr_text();
    measurement.detail("status", run.exit_description());
    measurement.detail("ms", run.elapsed.as_millis().to_string());
    measurement.detail("message", errors.lines().next().unwrap_or("no message"));
    Ok(true)
}

/// Returns what is wrong on a host where a process listens on the manager's socket; `None` if the same scope is started
/// now.
fn diagnose_beyond_bus(
    context: &ProbeContext,
    user: &User,
    environment: &BusEnvironment,
    run: &Output,
    measurement: &mut Measurement,
) -> Result<Option<Availability>, NotMeasured> {
    if let Some(limit) = reached_limit(context, user, measurement)? {
        return Ok(Some(limit));
    }
    if context.settings.slice.is_some() {
        let control = context
            .systemd_run()
            .arg("--scope")
            .arg(format!("--slice={}", context.unit_name("control", "slice")))
            .args(["--collect", "--quiet", "--", "true"])
            .run()?;
        measurement.add_evidence(AVAILABLE.name(), &control);
        if control.success() {
            return diagnose_slice(context, measurement);
        }
    }
    // The manager forks a service itself. It cannot move a process from outside its own cgroups:
    // for a scope it asks PID 1 to do so over the system bus.
    let service = context
        .systemd_run()
        .args(["--quiet", "--collect", "--service-type=oneshot"])
        .arg(format!("--unit={}", context.unit_name("control", "service")))
        .args(["--", "true"])
        .run()?;
    measurement.add_evidence(AVAILABLE.name(), &service);
    let is_outside = !Cgroup::of_pid(std::process::id())?.is_below_user_manager();
    if service.success() && is_outside {
        if environment.system_bus != SocketState::Live {
            return Ok(Some(Availability::NoSystemBus));
        }
        // PID 1 moves processes only into a unit with Delegate=, and forgets that of a masked unit.
        if let Ok(units) = UserManagerUnits::read(context, user.uid)
            && let Some(unit) = units.masked()
        {
            measurement.add_evidence(AVAILABLE.name(), &units.run);
            record_masked(context, unit, measurement);
            return Ok(Some(Availability::UserManagerMasked));
        }
        // systemd-run explains every other refusal of a scope.
        if run.stderr.is_empty() {
            return Ok(Some(Availability::SystemBusLost));
        }
    }
    let is_refused_again = record_refusal(context, measurement)?;
    Ok(is_refused_again.then_some(Availability::Other))
}

/// Returns why a scope can be started in another slice and not in the one that was named; `None` if it is started there
/// now.
fn diagnose_slice(
    context: &ProbeContext,
    measurement: &mut Measurement,
) -> Result<Option<Availability>, NotMeasured> {
    let slice = context.slice();
    if !is_well_formed(&slice) {
        return Ok(Some(Availability::SliceRefused));
    }
    let state = context
        .systemctl()
        .args(["show", "--property=LoadState", "--value", "--"])
        .arg(to_unit_name(&slice))
        .run()?;
    measurement.add_evidence(AVAILABLE.name(), &state);
    if state.stdout_text() == "masked" {
        return Ok(Some(Availability::SliceMasked));
    }
    let is_refused_again = record_refusal(context, measurement)?;
    Ok(is_refused_again.then_some(Availability::SliceDoesNotStart))
}
