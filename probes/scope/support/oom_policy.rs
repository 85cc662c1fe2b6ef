use super::private_scope::quiet_scope;
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::{OOMD_SETTINGS, UnitProperties};
use crate::sandbox::{NotMeasured, ProbeContext};

fact_values! {
    /// What systemd does to the rest of a scope when the kernel kills one of its processes to free
    /// memory (`OOMPolicy`=, systemd.scope(5)).
    pub(crate) enum OomPolicy {
        Stop = "stop",
        Kill = "kill",
        Continue = "continue",
    }
}

/// A scope that runs until its standard input is closed, so that its `OOMPolicy` can be read.
pub(crate) struct OomTestScope {
    unit: String,
    running: Child,
}

impl OomTestScope {
    /// Starts the scope.
    pub(crate) fn start(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let unit = context.unit_name("watched", "scope");
        let running = quiet_scope(context)
            .arg(format!("--unit={unit}"))
            .args(["--", "sh", "-c", "echo started; exec cat"])
            .piped_stdin()
            .start()?;
        Ok(Self { unit, running })
    }

    /// Returns the scope's policy and the command that reported it, and ends the scope.
    pub(crate) fn policy(
        mut self,
        context: &ProbeContext,
    ) -> Result<(OomPolicy, Output), NotMeasured> {
        let is_started = self.running.next_line(0)?.as_deref() == Some("started");
        let (read, shown) =
            UnitProperties::read(context.systemctl(), &[self.unit], &["Id", "OOMPolicy"])?;
        let run = self.running.wait()?;
        if !is_started {
            return Err(NotMeasured::Unmeasured(format!(
                "no scope was started: {}",
                run.error_summary()
            )));
        }
        let value = match read[0].get("OOMPolicy") {
            "stop" => OomPolicy::Stop,
            "kill" => OomPolicy::Kill,
            // A systemd without a policy for scopes does nothing to the rest of the scope either.
            _ => OomPolicy::Continue,
        };
        Ok((value, shown))
    }
}

/// Returns the units around agents in which systemd-oomd may kill, from the innermost: units of the
/// examined manager, then the system manager's units around the user manager.
pub(crate) fn managed_units(
    context: &ProbeContext,
    slices: &[UnitProperties],
    uid: u32,
) -> Vec<String> {
    let mut around = Vec::new();
    if context.is_user() {
        let units =
            [format!("user@{uid}.service"), format!("user-{uid}.slice"), "user.slice".into()];
        let properties = [&["Id"][..], &OOMD_SETTINGS].concat();
        let systemctl = context.command("systemctl").arg("--system");
        // Without a system bus their properties are unknown.
        let answer = UnitProperties::read(systemctl, &units, &properties);
        around = answer.map_or_else(|_| Vec::new(), |(read, _)| read);
    }
    let managed = slices.iter().rev().chain(&around).filter(|unit| unit.allows_oomd_to_kill());
    managed.map(|unit| unit.get("Id").to_owned()).collect()
}
