use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

/// The ticks of a second in /proc on all usual kernels (time(7), "The software clock, HZ, and jiffies").
const USUAL_TICKS: u64 = 100;

/// Turns the start time of a process into a time of day.
#[derive(Debug, Clone, Copy)]
pub struct StartClock {
    /// When the host was booted, by the clock of today, so that it agrees with the times of files after the clock was
    /// set.
    boot: SystemTime,
    ticks: u64,
}

impl StartClock {
    /// Reads the clocks now.
    pub fn read() -> Self {
        let since_boot =
            clock_gettime(ClockId::CLOCK_BOOTTIME).map(Duration::from).unwrap_or_default();
        let ticks = sysconf(SysconfVar::CLK_TCK).ok().flatten();
        let ticks = ticks.and_then(|ticks| u64::try_from(ticks).ok()).filter(|ticks| *ticks > 0);
        Self {
            boot: SystemTime::now().checked_sub(since_boot).unwrap_or(SystemTime::UNIX_EPOCH),
            ticks: ticks.unwrap_or(USUAL_TICKS),
        }
    }

    /// Returns when a process started, to the tick: 10 milliseconds. `start_time` is in ticks since boot
    /// (`proc_pid_stat(5)`).
    pub fn time_of(self, start_time: u64) -> SystemTime {
        self.boot.checked_add(self.span_of(start_time)).unwrap_or(self.boot)
    }

    /// Returns how long so many ticks are.
    pub fn span_of(self, ticks: u64) -> Duration {
        let rest = Duration::from_micros(ticks % self.ticks * 1_000_000 / self.ticks);
        Duration::from_secs(ticks / self.ticks) + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::ProcStat;

    #[test]
    fn a_process_started_before_now_and_after_boot() {
        let clock = StartClock::read();
        let stat = ProcStat::of_pid(std::process::id()).unwrap().unwrap();
        let started = clock.time_of(stat.start_time);
        assert!(started <= SystemTime::now() && started >= clock.time_of(0));
        assert!(started.elapsed().unwrap() < Duration::from_mins(10));
        assert!(clock.time_of(u64::MAX) > clock.time_of(0));
    }
}
