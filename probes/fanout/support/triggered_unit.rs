use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::host::{Cgroup, Timer, UnitProperties};
use crate::sandbox::{NotMeasured, ProbeContext};

const PROPERTIES: [&str; 9] = [
    "Id",
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "ControlGroup",
    "ConditionResult",
    "ConditionTimestampMonotonic",
    "InactiveExitTimestampMonotonic",
];
/// How many elapses of a calendar are counted.
const MOST_ELAPSES: u32 = 1000;

/// The unit that a timer starts.
pub(crate) struct TriggeredUnit(UnitProperties);

impl TriggeredUnit {
    /// Reads several units, in the order of `names`.
    ///
    /// # Errors
    /// If the manager does not answer.
    pub(crate) fn read(context: &ProbeContext, names: &[String]) -> Result<Vec<Self>, NotMeasured> {
        let (read, _) = UnitProperties::read(context.systemctl(), names, &PROPERTIES)?;
        Ok(read.into_iter().map(Self).collect())
    }

    #[cfg(test)]
    pub(crate) fn parse(text: &str) -> Self {
        Self(UnitProperties::parse(text).pop().unwrap_or_default())
    }

    /// Returns why the unit cannot be started, as systemd says it: `not-found`, `masked` or `bad-setting`.
    pub(crate) fn load_error(&self) -> Option<&str> {
        let state = self.0.get("LoadState");
        matches!(state, "not-found" | "masked" | "bad-setting" | "error").then_some(state)
    }

    /// Reports whether it has ended and stays active (`RemainAfterExit=yes`).
    pub(crate) fn has_exited(&self) -> bool {
        self.0.get("SubState") == "exited"
    }

    /// Reports whether a process is left in its cgroup.
    pub(crate) fn has_processes(&self) -> bool {
        let path = self.0.get("ControlGroup");
        !path.is_empty() && Cgroup::from_path(path).is_populated() != Some(false)
    }

    /// Reports whether its last start was refused because it was started too often (`StartLimitBurst`=,
    /// systemd.unit(5)).
    pub(crate) fn hit_start_limit(&self) -> bool {
        if self.0.get("ActiveState") != "failed" {
            return false;
        }
        // Before systemd 262 the result of an earlier failure is kept. A unit whose conditions were
        // met after its last start was to be started again, and was not.
        let was_refused = self.0.get("ConditionResult") == "yes"
            && self.micros("ConditionTimestampMonotonic")
                > self.micros("InactiveExitTimestampMonotonic");
        self.0.get("Result") == "start-limit-hit" || was_refused
    }

    /// Returns how often `timer` would have elapsed since the unit was started.
    ///
    /// # Errors
    /// If `systemd-analyze` cannot be run.
    pub(crate) fn elapses_since_start(
        &self,
        context: &ProbeContext,
        timer: &Timer,
    ) -> Result<u64, NotMeasured> {
        let running = monotonic_micros()? - self.micros("InactiveExitTimestampMonotonic");
        let by_interval = match timer.interval {
            Some(interval) if interval > 0 => running / interval,
            _ => 0,
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        let since = (now - running).div_euclid(1_000_000);
        let elapses = timer.elapses(context.access(), since, MOST_ELAPSES)?;
        let by_calendar = elapses.iter().filter(|at| (now - running..now).contains(at)).count();
        Ok(u64::try_from(by_interval).unwrap_or(0).max(by_calendar as u64))
    }

    fn micros(&self, property: &str) -> i64 {
        self.0.get(property).parse().unwrap_or(0)
    }
}

fn monotonic_micros() -> Result<i64, NotMeasured> {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).map_err(std::io::Error::from)?;
    Ok(now.tv_sec() * 1_000_000 + now.tv_nsec() / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_the_start_limit_refused_is_found_without_its_result() {
        let hit = |rest: &str| {
            TriggeredUnit::parse(&format!("ActiveState=failed\n{rest}\n")).hit_start_limit()
        };
        let times = |condition: u32, exit: u32| {
            format!(
                "Result=exit-code\nConditionResult=yes\nConditionTimestampMonotonic={condition}\n\
                 InactiveExitTimestampMonotonic={exit}"
            )
        };
        assert!(hit("Result=start-limit-hit"));
        assert!(hit(&times(9, 5)));
        assert!(!hit(&times(5, 5)), "an ordinary failure: the start followed the conditions");
        assert!(!hit(&times(4, 5)));
        assert!(!hit(&times(9, 5).replace("ConditionResult=yes", "ConditionResult=no")));
    }
}
