use std::collections::BTreeMap;

use super::triggered_unit::TriggeredUnit;
use crate::exec::Output;
use crate::host::{Timer, UnitProperties};
use crate::sandbox::{NotMeasured, ProbeContext, RunId};

/// How much output of systemctl is read, in bytes: enough for a thousand timers.
const CAPTURE_LIMIT: usize = 2 << 20;
const PROPERTIES: &str = "--property=Id,Unit,ActiveState,SubState,UnitFileState,ConditionResult,\
     ConditionTimestampMonotonic,LastTriggerUSec,TimersCalendar,TimersMonotonic";

/// A timer, and the unit that it starts.
pub(crate) struct TimerState {
    /// Its name and settings.
    pub(crate) timer: Timer,
    /// The unit that it starts.
    pub(crate) unit: TriggeredUnit,
    properties: UnitProperties,
    /// Whether a setting counts from the last activation or end of the unit.
    is_relative: bool,
}

/// The timers of a manager: the loaded ones, and those that are enabled and not loaded.
pub(crate) struct Timers {
    /// Every timer, sorted by name.
    pub(crate) timers: Vec<TimerState>,
    /// The command that listed them.
    pub(crate) run: Output,
}

impl Timers {
    /// Reads the timers of the manager that is examined.
    ///
    /// # Errors
    /// If the manager does not answer.
    pub(crate) fn read(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let enabled = context
            .systemctl()
            .args(["list-unit-files", "--type=timer", "--state=enabled", "--plain", "--no-legend"])
            .run()?
            .stdout_text();
        // A template has no state of its own.
        let names = enabled.lines().filter_map(|line| line.split_ascii_whitespace().next());
        let names = names.filter(|name| !name.contains("@."));
        let run = context
            .systemctl()
            .args(["show", PROPERTIES, "--", "*.timer"])
            .args(names)
            .capture_limit(CAPTURE_LIMIT)
            .run()?;
        if !run.success() {
            return Err(NotMeasured::Unmeasured(format!(
                "systemctl did not list the timers: {}",
                run.error_summary()
            )));
        }
        let found = parse(&run.stdout_text());
        let units: Vec<String> = found.values().map(|found| found.0.service.clone()).collect();
        let units =
            if units.is_empty() { Vec::new() } else { TriggeredUnit::read(context, &units)? };
        let timers =
            found.into_values().zip(units).map(|((timer, properties, is_relative), unit)| {
                TimerState { timer, unit, properties, is_relative }
            });
        Ok(Self { timers: timers.collect(), run })
    }
}

/// Parses what `systemctl show` prints of timers; one that is printed twice is returned once.
fn parse(text: &str) -> BTreeMap<String, (Timer, UnitProperties, bool)> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    let timers = blocks.filter_map(|block| {
        let timer = Timer::parse(block).pop()?;
        let properties = UnitProperties::parse(block).pop()?;
        let is_relative = ["OnUnitActiveUSec=", "OnUnitInactiveUSec="]
            .iter()
            .any(|setting| block.contains(setting));
        Some((timer.name.clone(), (timer, properties, is_relative)))
    });
    timers.filter(|(name, _)| !RunId::names_unit(name)).collect()
}

impl TimerState {
    /// Reports whether the timer is active.
    pub(crate) fn is_active(&self) -> bool {
        self.properties.get("ActiveState") == "active"
    }

    /// Reports whether the timer has failed, as when its unit is missing.
    pub(crate) fn has_failed(&self) -> bool {
        self.properties.get("ActiveState") == "failed"
    }

    /// Reports whether the timer is enabled and was not started. A timer whose condition is not met,
    /// such as one for real hosts only, does not count.
    pub(crate) fn is_enabled_and_inactive(&self) -> bool {
        let was_skipped = self.properties.get("ConditionResult") == "no"
            && !matches!(self.properties.get("ConditionTimestampMonotonic"), "" | "0");
        self.properties.get("ActiveState") == "inactive"
            && self.properties.get("UnitFileState") == "enabled"
            && !was_skipped
    }

    /// Reports whether it waits for the end of a unit that it started, or found active.
    pub(crate) fn waits_for_unit(&self) -> bool {
        self.is_active() && self.properties.get("SubState") == "running"
    }

    /// Reports whether it will never elapse, because it counts from an activation of its unit and there
    /// was none.
    pub(crate) fn is_unanchored(&self) -> bool {
        self.has_elapsed() && self.is_relative
    }

    /// Reports whether it will never elapse, because all of its dates were past when it was started.
    pub(crate) fn is_past(&self) -> bool {
        let was_triggered = !matches!(self.properties.get("LastTriggerUSec"), "" | "n/a" | "0");
        self.has_elapsed() && !self.is_relative && !was_triggered
    }

    fn has_elapsed(&self) -> bool {
        self.is_active() && self.properties.get("SubState") == "elapsed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_without_a_further_elapse_is_found_by_its_settings() {
        let state = |rest: &str| {
            let text = format!("Id=a.timer\nUnit=a.service\nActiveState=active\n{rest}\n");
            let (timer, properties, is_relative) = parse(&text).remove("a.timer").unwrap();
            let unit = TriggeredUnit::parse("");
            TimerState { timer, unit, properties, is_relative }
        };
        let unanchored =
            "SubState=elapsed\nTimersMonotonic={ OnUnitActiveUSec=1h ; next_elapse=0 }";
        assert!(state(unanchored).is_unanchored());
        assert!(!state(unanchored).is_past());
        // The time of the last elapse can be of an earlier boot (Persistent=).
        assert!(state(&format!("{unanchored}\nLastTriggerUSec=Sat")).is_unanchored());
        let date = "SubState=elapsed\nTimersCalendar={ OnCalendar=2020-01-01 ; next_elapse=n/a }";
        assert!(state(date).is_past());
        assert!(!state(&format!("{date}\nLastTriggerUSec=Sat")).is_past(), "it did its work");
        assert!(!state(&date.replace("elapsed", "waiting")).is_past());
    }

    #[test]
    fn a_timer_whose_condition_is_not_met_is_not_missed() {
        let state = |rest: &str| {
            let text = format!(
                "Id=a.timer\nUnit=a.service\nActiveState=inactive\nUnitFileState=enabled\n{rest}\n"
            );
            let (timer, properties, is_relative) = parse(&text).remove("a.timer").unwrap();
            let unit = TriggeredUnit::parse("");
            TimerState { timer, unit, properties, is_relative }.is_enabled_and_inactive()
        };
        assert!(state("ConditionResult=no\nConditionTimestampMonotonic=0"), "it was never started");
        assert!(!state("ConditionResult=no\nConditionTimestampMonotonic=7"));
        assert!(state("ConditionResult=yes\nConditionTimestampMonotonic=7"), "it was stopped");
        assert!(parse("Id=launch_doctor_1_x.timer\nUnit=a.service\n").is_empty());
    }
}
