use super::{Access, QueryError};
use crate::exec::Child;

/// A loaded timer, as its manager describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timer {
    pub name: String,
    /// The unit that it starts.
    pub service: String,
    /// Its calendar expressions (`OnCalendar=`), in their normalized form.
    pub calendars: Vec<String>,
    /// The interval of `OnUnitActiveSec=`, in microseconds.
    pub interval: Option<i64>,
    /// How late it may be, in microseconds.
    pub slack: i64,
}

const PROPERTIES: &str =
    "--property=Id,Unit,TimersCalendar,TimersMonotonic,AccuracyUSec,RandomizedDelayUSec";

/// A question for the timers under way.
pub struct PendingTimers(Child);

impl PendingTimers {
    /// Asks for every loaded timer.
    ///
    /// # Errors
    /// When `systemctl` cannot be started.
    pub fn start(access: Access) -> Result<Self, QueryError> {
        Ok(Self(access.systemctl().args(["show", PROPERTIES, "--", "*.timer"]).start()?))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// When the manager does not answer.
    pub fn wait(self) -> Result<Vec<Timer>, QueryError> {
        let run = self.0.wait()?;
        if !run.success() {
            return Err(QueryError::Unreachable(format!(
                "systemctl did not list the timers: {}",
                run.error_summary()
            )));
        }
        Ok(Timer::parse(&run.stdout_text()))
    }
}

impl Timer {
    /// Reads what `systemctl show` says of timers.
    pub fn parse(text: &str) -> Vec<Self> {
        let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
        let timers = blocks.map(|block| {
            let mut timer = Self::default();
            for (key, value) in block.lines().filter_map(|line| line.split_once('=')) {
                timer.take(key, value);
            }
            timer
        });
        timers.filter(|timer| !timer.name.is_empty() && !timer.service.is_empty()).collect()
    }

    fn take(&mut self, key: &str, value: &str) {
        match key {
            "Id" => value.clone_into(&mut self.name),
            "Unit" => value.clone_into(&mut self.service),
            "TimersCalendar" => self.calendars.extend(setting(value, "OnCalendar=")),
            "TimersMonotonic" => {
                let interval = setting(value, "OnUnitActiveUSec=").as_deref().and_then(micros);
                self.interval = self.interval.or(interval);
            }
            "AccuracyUSec" | "RandomizedDelayUSec" => {
                self.slack = self.slack.saturating_add(micros(value).unwrap_or(0));
            }
            _ => {}
        }
    }

    /// Asks systemd when the timer's calendar elapses, from `since` (in seconds since 1970) on, at
    /// most `most` times. Returns microseconds since 1970.
    ///
    /// # Errors
    /// When `systemd-analyze` cannot be run.
    pub fn elapses(&self, access: Access, since: i64, most: u32) -> Result<Vec<i64>, QueryError> {
        if self.calendars.is_empty() {
            return Ok(Vec::new());
        }
        let run = access
            .command("systemd-analyze")
            .args(["calendar", &format!("--iterations={most}"), &format!("--base-time=@{since}")])
            .arg("--")
            .args(&self.calendars)
            .env("TZ", "UTC")
            .capture_limit(1 << 20)
            .run()?;
        let mut elapses: Vec<i64> = run.stdout_text().lines().filter_map(elapse_in).collect();
        elapses.sort_unstable();
        elapses.dedup();
        Ok(elapses)
    }
}

/// The value of a setting in `{ OnCalendar=*-*-* *:00/30:00 ; next_elapse=… }`.
fn setting(value: &str, key: &str) -> Option<String> {
    let (_, rest) = value.split_once(key)?;
    let (text, _) = rest.split_once(" ;")?;
    Some(text.trim().to_owned())
}

/// A line of `systemd-analyze calendar` with a time in UTC: `Next elapse: Sat 2026-11-28 10:30:00
/// UTC`, `Iter. #2: …` (247) or `Iteration #2: …`. In microseconds since 1970.
fn elapse_in(line: &str) -> Option<i64> {
    let (label, rest) = line.split_once(": ")?;
    let label = label.trim();
    let is_elapse = label == "Next elapse" || label.starts_with("Iter");
    let mut words = rest.split_ascii_whitespace().skip(1);
    let (date, time, zone) = (words.next()?, words.next()?, words.next()?);
    if !is_elapse || zone != "UTC" {
        return None;
    }
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3600 + minute * 60;
    Some(seconds * 1_000_000 + (second * 1e6).round() as i64)
}

/// The days of the proleptic Gregorian calendar (H. Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `days_from_civil`).
pub(super) fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1970..=9999).contains(&year) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted / 400;
    let of_era = shifted - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// A span of time as systemd writes it: `1min 30s`, `500ms`, `0`; in microseconds.
fn micros(text: &str) -> Option<i64> {
    text.split_ascii_whitespace().try_fold(0i64, |sum, word| {
        let at = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
        let (number, unit) = word.split_at(at);
        let factor = match unit {
            "us" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            "min" => 60e6,
            "h" => 3600e6,
            "d" => 86_400e6,
            "w" => 604_800e6,
            "month" => 2_629_800e6,
            "y" => 31_557_600e6,
            "" if number == "0" => 0.0,
            _ => return None,
        };
        Some(sum.saturating_add((number.parse::<f64>().ok()? * factor) as i64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timers_of_both_kinds_are_read() {
        let timers = Timer::parse(
            "Id=a.timer\nUnit=a.service\nTimersCalendar={ OnCalendar=*-*-* *:00/30:00 ; next_elapse=Sat }\n\
             AccuracyUSec=1min\nRandomizedDelayUSec=5s\n\n\
             Id=b.timer\nUnit=c.service\nTimersMonotonic={ OnActiveUSec=0 ; next_elapse=1s }\n\
             TimersMonotonic={ OnUnitActiveUSec=1min 30s ; next_elapse=2s }\n",
        );
        assert_eq!(timers.len(), 2);
        assert_eq!(timers[0].calendars, ["*-*-* *:00/30:00"]);
        assert_eq!(timers[0].slack, 65_000_000);
        assert_eq!((timers[1].interval, &*timers[1].service), (Some(90_000_000), "c.service"));
    }

    #[test]
    fn elapses_are_read_in_the_wording_of_every_release() {
        let expected = Some(1_795_861_800_000_000);
        assert_eq!(elapse_in("    Next elapse: Sat 2026-11-28 10:30:00 UTC"), expected);
        assert_eq!(elapse_in("       Iter. #2: Sat 2026-11-28 10:30:00 UTC"), expected);
        assert_eq!(elapse_in("   Iteration #3: Sat 2026-11-28 10:30:00 UTC"), expected);
        assert_eq!(elapse_in("       From now: 9h ago"), None);
        assert_eq!(elapse_in("    Next elapse: Sat 2026-11-28 10:30:00 CET"), None);
        assert_eq!(elapse_in("    Next elapse: never"), None);
    }

    #[test]
    fn spans_are_read_as_systemd_writes_them() {
        assert_eq!(micros("1min 30s"), Some(90_000_000));
        assert_eq!(micros("42min 4.924796s"), Some(2_524_924_796));
        assert_eq!(micros("0"), Some(0));
        assert_eq!(micros("infinity"), None);
    }
}
