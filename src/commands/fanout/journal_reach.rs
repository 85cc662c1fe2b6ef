use std::fs;
use std::path::Path;

use jiff::Timestamp;
use launch_probes::host::{Access, Cgroup, JournalFiles, JournalQuery, Manager, User, start_time};

use crate::fanout::{
    Gap, Input, JournalReach, RATE_INTERVAL, Reason, busy_stretches, hits_rate_limit,
};

/// Finds out how far back the journal reaches, and whether journald can have dropped lines.
pub(super) fn add_reach(
    input: &mut Input,
    manager: Manager,
    since: i64,
    gaps: &mut Vec<Reason>,
    access: Access,
) {
    let user = User::current();
    let files = JournalFiles::inspect(manager, user.uid);
    if files.readable == 0 {
        // Then journalctl has failed too, and knows less about why.
        gaps.retain(|gap| gap.reason != Gap::NoJournal);
        let whose = match manager {
            Manager::User => format!("{} has no journal on disk that can be read", user.name),
            Manager::System => "the system's journal cannot be read".to_owned(),
        };
        gaps.push(Reason::new(
            Gap::NoJournal,
            format!("{whose}: it is volatile, or kept in the system's"),
        ));
        return;
    }
    let reach = JournalReach {
        oldest: files.oldest,
        machine_created: created(Path::new("/etc/machine-id")),
        boot_started: process_start(1),
        manager_started: manager_start(manager, user.uid),
    };
    gaps.extend(reach.gap(since));
    for stretch in busy_stretches(&input.entries, files.newest) {
        // What is as short as the interval needs no closer look.
        let busiest = (stretch.to - stretch.from > RATE_INTERVAL)
            .then(|| busiest_interval(access, stretch.from, stretch.to))
            .flatten();
        if busiest.is_none_or(hits_rate_limit) {
            gaps.push(rate_limit(busiest.unwrap_or(stretch.entries), stretch.to - stretch.from));
        }
    }
}

/// Says that so many lines were written that some can be missing.
pub(super) fn rate_limit(entries: u64, micros: i64) -> Reason {
    let seconds = (micros / 1_000_000).clamp(1, 30);
    Reason::new(
        Gap::RateLimit,
        format!("{entries} lines were written within {seconds} s: journald can have dropped some"),
    )
}

/// The most lines that were written within one interval of the rate limit; `None` if that cannot be
/// found out.
fn busiest_interval(access: Access, from: i64, to: i64) -> Option<u64> {
    let query = JournalQuery {
        manager: access.manager,
        since: Some(from / 1_000_000),
        until: Some(to / 1_000_000 + 1),
        any_of: Vec::new(),
        fields: &["PRIORITY"],
    };
    let bytes = query.start(access.deadline).ok()?.wait().ok()?;
    let times: Vec<i64> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"__REALTIME_TIMESTAMP="))
        .filter_map(|text| str::from_utf8(text).ok()?.parse().ok())
        .filter(|at| *at <= to.saturating_add(1_000_000))
        .collect();
    let mut first = 0;
    let mut most = 0;
    for (index, at) in times.iter().enumerate() {
        while at.saturating_sub(times[first]) > RATE_INTERVAL {
            first += 1;
        }
        most = most.max(index - first + 1);
    }
    Some(most as u64)
}

fn created(path: &Path) -> Option<i64> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since = modified.duration_since(std::time::SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

/// When the manager started.
fn manager_start(manager: Manager, uid: u32) -> Option<i64> {
    let pid = match manager {
        Manager::System => 1,
        Manager::User => {
            let processes = Cgroup::of_manager(manager, uid).read("init.scope/cgroup.procs")?;
            processes.lines().next()?.parse().ok()?
        }
    };
    process_start(pid)
}

/// When a process started, in microseconds since 1970, to about a second.
fn process_start(pid: u32) -> Option<i64> {
    let ticks = i64::try_from(start_time(pid).ok()??).ok()?;
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    let ago = uptime - ticks as f64 / 100.0;
    Some(Timestamp::now().as_microsecond() - (ago * 1e6) as i64)
}
