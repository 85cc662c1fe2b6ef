use std::path::Path;

use nix::unistd::{AccessFlags, access};

use super::address::Address;
use super::slice_word::{is_well_formed, unit};
use crate::host::{Cgroup, SocketState};
use crate::sandbox::{CommandError, Completed, Sandbox};
use crate::{Measurement, Unable};

/// Where systemd-run is installed on the distributions that have it.
const PROGRAMS: [&str; 3] = ["/usr/bin", "/bin", "/run/current-system/sw/bin"];

/// Tells why systemd-run itself could not be started.
pub fn without_program(
    error: &CommandError,
    address: &Address,
    mut measurement: Measurement,
) -> Measurement {
    let is_there =
        |dir: &&str| access(&Path::new(dir).join("systemd-run"), AccessFlags::X_OK).is_ok();
    let value = match PROGRAMS.into_iter().find(is_there) {
        _ if !address.is_booted => "no-systemd",
        Some(dir) => {
            measurement.detail("programs", dir);
            "systemd-run-outside-path"
        }
        None => "no-systemd-run",
    };
    measurement.fact("available", value);
    measurement.summary = error.to_string();
    measurement
}

/// Tells why systemd-run ended with an error: not by its message, but by looking at what it needs
/// and by launches that differ from it in one thing.
pub fn refused(
    sandbox: &Sandbox,
    address: &Address,
    run: &Completed,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let value = match address.fault() {
        Some(fault) => fault,
        None => fault_behind(sandbox, address, measurement)?,
    };
    measurement.fact_from("available", value, run);
    let status = run.exit().map_or("a signal".into(), |status| format!("exit status {status}"));
    let errors = run.errors();
    let message = errors.lines().next().unwrap_or("it said nothing");
    measurement.summary =
        format!("systemd-run ended with {status} after {} ms: {message}", run.elapsed.as_millis());
    Ok(())
}

/// What is wrong on a host where somebody listens at the address.
fn fault_behind(
    sandbox: &Sandbox,
    address: &Address,
    measurement: &mut Measurement,
) -> Result<&'static str, Unable> {
    if sandbox.settings.slice.is_some() {
        let control = sandbox
            .systemd_run()
            .arg("--scope")
            .arg(format!("--slice={}", sandbox.unit_name("control", "slice")))
            .args(["--collect", "--quiet", "--", "true"])
            .run()?;
        measurement.evidence.push(control.evidence("available"));
        if control.success() {
            return slice_fault(sandbox, measurement);
        }
    }
    // A service is forked by the manager. A process that comes from outside its cgroups is moved
    // by PID 1, which the manager asks to do so over the system bus.
    let service = sandbox
        .systemd_run()
        .args(["--quiet", "--collect", "--service-type=oneshot"])
        .arg(format!("--unit={}", sandbox.unit_name("control", "service")))
        .args(["--", "true"])
        .run()?;
    measurement.evidence.push(service.evidence("available"));
    let is_outside = !Cgroup::of(std::process::id())?.is_below_user_manager();
    Ok(match address.system_bus {
        _ if !service.success() || !is_outside => "other",
        SocketState::Live => "system-bus-lost",
        _ => "no-system-bus",
    })
}

/// Why a scope can be started in another slice and not in the one that was named.
fn slice_fault(sandbox: &Sandbox, measurement: &mut Measurement) -> Result<&'static str, Unable> {
    let slice = sandbox.slice();
    if !is_well_formed(&slice) {
        return Ok("slice-refused");
    }
    let state = sandbox
        .systemctl()
        .args(["show", "--property=LoadState", "--value", "--"])
        .arg(unit(&slice))
        .run()?;
    measurement.evidence.push(state.evidence("available"));
    Ok(if state.text() == "masked" { "slice-masked" } else { "slice-does-not-start" })
}
