use super::own_scope::own_scope;
use crate::Unable;
use crate::host::UnitProperties;
use crate::sandbox::{Completed, Running, Sandbox};

/// The properties by which systemd-oomd(8) is told to act.
pub const MANAGED: [&str; 2] = ["ManagedOOMSwap", "ManagedOOMMemoryPressure"];

/// A scope that lives until its input ends, so that its OOMPolicy can be looked at.
pub struct WatchedScope {
    unit: String,
    running: Running,
}

impl WatchedScope {
    pub fn start(sandbox: &Sandbox) -> Result<Self, Unable> {
        let unit = sandbox.unit_name("watched", "scope");
        let running = own_scope(sandbox)
            .arg(format!("--unit={unit}"))
            .args(["--", "sh", "-c", "echo started; exec cat"])
            .with_input()
            .start()?;
        Ok(Self { unit, running })
    }

    /// What systemd does to the whole scope when the kernel kills one process of it for memory
    /// (OOMPolicy=, systemd.scope(5)), in the card's words.
    pub fn policy(mut self, sandbox: &Sandbox) -> Result<(&'static str, Completed), Unable> {
        let is_started = self.running.next_line(0)?.as_deref() == Some("started");
        let (read, told) =
            UnitProperties::read(sandbox.systemctl(), &[self.unit], &["Id", "OOMPolicy"])?;
        let run = self.running.wait()?;
        if !is_started {
            return Err(Unable::Unmeasured(format!("no scope was started: {}", run.failure())));
        }
        let value = match read[0].get("OOMPolicy") {
            "stop" => "stop",
            "kill" => "kill",
            // A systemd that knows no policy for scopes leaves the rest of the scope alone, too.
            _ => "continue",
        };
        Ok((value, told))
    }
}

/// The units around agents, from the innermost, in which systemd-oomd is to kill: units of the
/// examined manager, then those of the system's around the user's manager.
pub fn managed_units(sandbox: &Sandbox, slices: &[UnitProperties], uid: u32) -> Vec<String> {
    let mut around = Vec::new();
    if sandbox.is_user() {
        let units =
            [format!("user@{uid}.service"), format!("user-{uid}.slice"), "user.slice".into()];
        let properties = [&["Id"][..], &MANAGED].concat();
        let systemctl = sandbox.command("systemctl").arg("--system");
        // Without a system bus nothing can be said of them.
        let answer = UnitProperties::read(systemctl, &units, &properties);
        around = answer.map_or_else(|_| Vec::new(), |(read, _)| read);
    }
    let is_managed = |unit: &&UnitProperties| MANAGED.iter().any(|name| unit.get(name) == "kill");
    let managed = slices.iter().rev().chain(&around).filter(is_managed);
    managed.map(|unit| unit.get("Id").to_owned()).collect()
}
