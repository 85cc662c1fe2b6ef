use crate::exec::Output;
use crate::host::UnitProperties;
use crate::sandbox::{NotMeasured, ProbeContext};

use super::drop_in::{BendingSetting, bending_settings, properties};

/// What systemd makes of a service and of a scope that nothing but a drop-in for all units can change.
pub(crate) struct ControlUnits {
    /// The service's properties.
    pub(crate) service: ControlUnit,
    /// The scope's; `None` if no scope was started.
    pub(crate) scope: Option<ControlUnit>,
}

/// One of these units.
pub(crate) struct ControlUnit {
    /// The command that showed its properties.
    pub(crate) shown: Output,
    /// Whether it has drop-ins at all.
    pub(crate) has_drop_ins: bool,
    /// The settings of its drop-ins that change launches.
    pub(crate) bent: Vec<BendingSetting>,
}

impl ControlUnits {
    /// Creates both units and reads their properties. The service belongs to a timer that does not elapse, so that
    /// its settings apply and nothing is run by them.
    pub(crate) fn examine(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let scope = context.unit_name("control", "scope");
        let mut running = context
            .systemd_run()
            .args(["--scope", "--quiet", "--collect"])
            .arg(format!("--unit={scope}"))
            .args(["--", "sh", "-c", "echo started; exec cat"])
            .piped_stdin()
            .start()?;
        let service = context.unit_name("control", "service");
        let made = context
            .systemd_run()
            .args(["--quiet", "--on-active=1d"])
            .arg(format!("--unit={service}"))
            .args(["--", "true"])
            .run()?;
        if !made.success() {
            return Err(NotMeasured::Unmeasured(format!(
                "no control service was created: {}",
                made.error_summary()
            )));
        }
        let service = ControlUnit::read(context, &service)?;
        let is_started = running.next_line(0)?.as_deref() == Some("started");
        let scope = if is_started { Some(ControlUnit::read(context, &scope)?) } else { None };
        running.wait()?;
        Ok(Self { service, scope })
    }
}

impl ControlUnit {
    fn read(context: &ProbeContext, unit: &str) -> Result<Self, NotMeasured> {
        let (read, shown) =
            UnitProperties::read(context.systemctl(), &[unit.to_owned()], &properties())?;
        let unit = &read[0];
        if unit.get("LoadState") != "loaded" {
            return Err(NotMeasured::Unmeasured(format!(
                "a control unit is {} and not loaded",
                unit.get("LoadState")
            )));
        }
        let has_drop_ins = unit.list("DropInPaths").next().is_some();
        Ok(Self { bent: bending_settings(unit), has_drop_ins, shown })
    }
}
