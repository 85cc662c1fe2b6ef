//! Whether the user's message bus, as `systemd-run --wait` finds it, leads to the user's manager.

use std::ffi::{OsStr, OsString};

use super::support::bus_unit::{BusUnit, UnitFault};
use super::support::slice_name_syntax::escape_for_display;
use crate::fact_values;
use crate::host::{
    BUS_VARIABLE, BusAnswer, User, bus_address, bus_error, inspect_bus, is_supported_address,
    manager_dir, manager_start_command, parse_manager_start,
};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What is at the address of the user's bus, and if it is not the user's manager, what is wrong.
    enum Bus {
        Own = "own",
        AddressDead = "address-dead",
        AddressUnsupported = "address-unsupported",
        AddressSilent = "address-silent",
        AddressNoManager = "address-no-manager",
        AddressOtherManager = "address-other-manager",
        NotInstalled = "not-installed",
        Masked = "masked",
        MaskedByRoot = "masked-by-root",
        DaemonFails = "daemon-fails",
        SocketStopped = "socket-stopped",
        SocketRemoved = "socket-removed",
        DaemonStopped = "daemon-stopped",
        DaemonFrozen = "daemon-frozen",
        Silent = "silent",
        NoManager = "no-manager",
    }
}

const BUS: Fact<Bus> = Fact::new("bus");
pub(crate) const FACTS: &[FactDecl] = &[BUS.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        let reason = "it examines the user's bus, and --manager system was given";
        return Err(NotMeasured::Skipped(reason.into()));
    }
    context.require_manager()?;
    let user = User::current();
    let start = manager_start_command(context.deadline()).run()?;
    let (Some(start), Some(dir)) = (parse_manager_start(&start), manager_dir(&user)) else {
        return Err(NotMeasured::Unmeasured(format!(
            "the user manager was not found by its own socket: {}",
            start.error_summary()
        )));
    };
    let right = bus_address(dir.join("bus").as_os_str());
    let address = effective_address();
    let mut measurement = Measurement::default();
    measurement.detail("address", escape_for_display(&address));
    measurement.detail("right-address", right.to_string_lossy());

    // Without the variable, systemd-run finds the address by itself.
    let is_set = std::env::var_os(BUS_VARIABLE).is_some();
    let (answer, run) = inspect_bus(context.access(), is_set.then_some(&*address), start)?;
    let answer_at_right = match answer {
        BusAnswer::OwnManager => BusAnswer::OwnManager,
        _ if address == right => answer,
        _ => inspect_bus(context.access(), Some(&right), start)?.0,
    };
    if [answer, answer_at_right].contains(&BusAnswer::Unknown) {
        return Err(NotMeasured::Unmeasured("busctl printed no answer of a manager".into()));
    }
    let value = match answer_at_right {
        BusAnswer::OwnManager => at_address(answer, &address),
        // The variable is looked at once the user's own bus works.
        answer => at_home(context, answer, &mut measurement)?,
    };
    match &run {
        Some(run) => measurement.set_from(BUS, value, run),
        None => measurement.set(BUS, value),
    }
    measurement.detail("message", run.map_or_else(String::new, |run| bus_error(&run)));
    Ok(measurement)
}

/// Returns the address of the user's bus in this process's environment (systemd,
/// src/libsystemd/sd-bus/sd-bus.c, `bus_set_address_user`).
fn effective_address() -> OsString {
    std::env::var_os(BUS_VARIABLE).unwrap_or_else(|| {
        let dir = std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default();
        bus_address(std::path::Path::new(&dir).join("bus").as_os_str())
    })
}

/// Returns what is wrong with an address where the user's own bus works.
fn at_address(answer: BusAnswer, address: &OsStr) -> Bus {
    match answer {
        BusAnswer::OwnManager => Bus::Own,
        BusAnswer::OtherManager => Bus::AddressOtherManager,
        BusAnswer::NoManager => Bus::AddressNoManager,
        BusAnswer::Timeout => Bus::AddressSilent,
        BusAnswer::NoBus | BusAnswer::Unknown if is_supported_address(address) => Bus::AddressDead,
        BusAnswer::NoBus | BusAnswer::Unknown => Bus::AddressUnsupported,
    }
}

/// Returns what is wrong with the user's own bus, which is at the address where the manager expects it.
fn at_home(
    context: &ProbeContext,
    answer: BusAnswer,
    measurement: &mut Measurement,
) -> Result<Bus, NotMeasured> {
    let unit = BusUnit::read(context)?;
    measurement.list("failed", unit.failed.clone());
    measurement.list("masked", unit.masked.clone());
    measurement.list("masked-runtime", unit.masked_runtime.clone());
    measurement.list("masked-by-root", unit.masked_by_root.clone());
    measurement.list("freeze-file", unit.freeze_file());
    measurement.list("installer", unit.installer());
    let is_silent = answer == BusAnswer::Timeout;
    Ok(match unit.fault() {
        Some(UnitFault::Missing) => Bus::NotInstalled,
        Some(UnitFault::MaskedByRoot) => Bus::MaskedByRoot,
        Some(UnitFault::Masked) => Bus::Masked,
        Some(UnitFault::ServiceFails) => Bus::DaemonFails,
        Some(UnitFault::SocketStopped) => Bus::SocketStopped,
        Some(UnitFault::ProcessStopped) if is_silent => Bus::DaemonStopped,
        Some(UnitFault::Frozen) if is_silent => Bus::DaemonFrozen,
        _ if is_silent => Bus::Silent,
        _ if answer == BusAnswer::NoBus => Bus::SocketRemoved,
        _ => Bus::NoManager,
    })
}
