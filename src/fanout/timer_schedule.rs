/// When a timer elapses, as far as its manager says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TimerSchedule {
    pub timer: String,
    /// The unit that it starts.
    pub service: String,
    /// When `OnCalendar=` elapses, in microseconds since 1970, sorted.
    pub elapses: Vec<i64>,
    /// The interval of `OnUnitActiveSec=`, in microseconds.
    pub interval: Option<i64>,
    /// How much later than it elapses the timer may act (`AccuracySec=`, `RandomizedDelaySec=`).
    pub slack: i64,
    /// When it elapses next, in microseconds since 1970.
    pub next: Option<i64>,
}

/// How long after its due time a start still counts as the timer's own.
const START_LAG: i64 = 2_000_000;

/// What a schedule says about one start of its service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Elapsed {
    /// The timer started it.
    pub by_timer: bool,
    /// How many times the timer elapsed without a start before: its service was still running, and all of
    /// them together led to this one start.
    pub swallowed: u32,
}

impl TimerSchedule {
    /// Returns whether the timer made the start at `start`, and how often it had elapsed without one. The run
    /// before began at `previous.0` and ended, if that is known, at `previous.1`.
    ///
    /// While its service runs, a timer waits; it elapses at once when the service has ended, however
    /// often it was due meanwhile (measured on 247 and 262 with a calendar and with an interval).
    pub fn elapsed(&self, start: i64, previous: Option<(i64, Option<i64>)>) -> Elapsed {
        let after = previous.map_or(i64::MIN, |(begin, _)| begin);
        let due = self.due_between(after, start, previous);
        let Some(last) = due.last() else { return Elapsed::default() };
        let end = previous.and_then(|(_, end)| end);
        let waited = end.is_some_and(|end| due.iter().any(|at| *at <= end));
        let since = if waited { end.unwrap_or(*last).max(*last) } else { *last };
        let by_timer = start - since <= self.slack + START_LAG;
        let in_vain = match end {
            Some(end) => due.iter().filter(|at| **at <= end).count(),
            None => 0,
        };
        let used = usize::from(by_timer && in_vain == due.len());
        let swallowed = u32::try_from(in_vain.saturating_sub(used)).unwrap_or(u32::MAX);
        Elapsed { by_timer, swallowed }
    }

    fn due_between(
        &self,
        after: i64,
        until: i64,
        previous: Option<(i64, Option<i64>)>,
    ) -> Vec<i64> {
        if let (Some(interval), Some((begin, _))) = (self.interval.filter(|it| *it > 0), previous) {
            let most = (until - begin) / interval;
            // A start later than that is of an earlier run that is not in the window.
            return (1..=most.clamp(0, 100_000)).map(|n| begin + n * interval).collect();
        }
        let from = self.elapses.partition_point(|at| *at <= after);
        let to = self.elapses.partition_point(|at| *at <= until);
        let due = &self.elapses[from.min(to)..to];
        // Before the first start of the window only the last one counts.
        if previous.is_none() { due.last().copied().into_iter().collect() } else { due.to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn every_half_minute() -> TimerSchedule {
        TimerSchedule { elapses: (0..20).map(|n| n * 30 * S).collect(), ..Default::default() }
    }

    #[test]
    fn a_start_at_its_time_is_the_timers_and_any_other_is_not() {
        let schedule = every_half_minute();
        let is_timer = Elapsed { by_timer: true, swallowed: 0 };
        assert_eq!(schedule.elapsed(60 * S + 5000, Some((30 * S, Some(40 * S)))), is_timer);
        assert!(!schedule.elapsed(75 * S, Some((30 * S, Some(40 * S)))).by_timer);
        assert_eq!(schedule.elapsed(60 * S, None), is_timer);
    }

    #[test]
    fn what_elapses_while_the_service_runs_comes_as_one_start() {
        let schedule = every_half_minute();
        // Due at 60, 90 and 120 s, and the service ran until 125 s.
        let late = schedule.elapsed(125 * S + 9000, Some((30 * S, Some(125 * S))));
        assert_eq!(late, Elapsed { by_timer: true, swallowed: 2 });
        // Due at 60 s only: late, but it starts.
        let late = schedule.elapsed(65 * S, Some((30 * S, Some(65 * S))));
        assert_eq!(late, Elapsed { by_timer: true, swallowed: 0 });
    }

    #[test]
    fn an_interval_counts_from_the_last_start() {
        let schedule = TimerSchedule { interval: Some(S), ..Default::default() };
        let elapsed = schedule.elapsed(12_510_000, Some((10 * S, Some(12_500_000))));
        assert_eq!(elapsed, Elapsed { by_timer: true, swallowed: 1 });
        let elapsed = schedule.elapsed(11_005_000, Some((10 * S, Some(10_100_000))));
        assert_eq!(elapsed, Elapsed { by_timer: true, swallowed: 0 });
    }
}
