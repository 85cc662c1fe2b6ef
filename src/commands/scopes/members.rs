use jiff::Timestamp;
use launch_probes::host::{ProcStat, ProcessTable, StartClock, command_line, process_exists};

use crate::scopes::ProcessReading;

/// Reads the processes of units, and counts those that it may not read.
pub(super) struct MemberReader<'a> {
    pub(super) table: &'a ProcessTable,
    pub(super) clock: StartClock,
    /// Whether command lines are read.
    pub(super) args: bool,
    /// How many processes exist and cannot be read, as with the mount option hidepid of proc(5).
    pub(super) hidden: usize,
}

impl MemberReader<'_> {
    /// Reads processes. One that has ended is left out.
    pub(super) fn read(&mut self, pids: &[u32]) -> Vec<ProcessReading> {
        let mut found = Vec::with_capacity(pids.len());
        for &pid in pids {
            match self.table.get(pid) {
                Some(stat) => found.push(self.reading(pid, stat)),
                None if process_exists(pid) => self.hidden += 1,
                None => {}
            }
        }
        found
    }

    fn reading(&self, pid: u32, stat: &ProcStat) -> ProcessReading {
        ProcessReading {
            pid,
            ppid: stat.parent,
            comm: stat.comm.clone(),
            since: Timestamp::try_from(self.clock.time_of(stat.start_time)).ok(),
            cpu_usec: self.cpu_usec(stat.cpu_ticks),
            resident_bytes: stat.resident_bytes(),
            threads: stat.threads,
            args: self.args.then(|| command_line(pid)),
        }
    }

    /// Returns how much processor time processes have used by now, in microseconds.
    pub(super) fn cpu_usec_now(&self, processes: &[ProcessReading]) -> u64 {
        let ticks = |process: &ProcessReading| Some(ProcStat::of_pid(process.pid).ok()??.cpu_ticks);
        processes.iter().filter_map(ticks).map(|ticks| self.cpu_usec(ticks)).sum()
    }

    fn cpu_usec(&self, ticks: u64) -> u64 {
        u64::try_from(self.clock.span_of(ticks).as_micros()).unwrap_or(u64::MAX)
    }
}
