use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::{JournalEntry, JournalEvent, Moment};

/// How many lines journald takes from one service within [`RATE_INTERVAL`] before it drops some
/// (`RateLimitBurst=`, journald.conf(5)). With free disk space it takes more: 35,000 in the lab.
const RATE_BURST: u64 = 10_000;
/// `RateLimitIntervalSec=`, in microseconds.
pub const RATE_INTERVAL: i64 = 30_000_000;

/// By how much the wall clock may drift from the monotonic one between two entries.
const CLOCK_JUMP: i64 = 2_000_000;

/// Why an analysis does not show everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gap {
    /// The user has no journal that can be read: not stored, volatile, or a foreign one.
    NoJournal,
    /// The journal begins later than the window.
    Rotated,
    /// journald says that it dropped lines.
    DroppedRecords,
    /// So many lines were written that journald can have dropped some.
    RateLimit,
    /// A unit ended whose start is not in the journal.
    EndWithoutStart,
    /// The host was started again within the window.
    SeveralBoots,
    /// The wall clock was set within the window.
    ClockJump,
    /// More than one record in ten could not be read.
    BadRecords,
    /// A lock history begins in the middle of something.
    LockHistory,
    /// The kernel dropped events of a watch.
    WatchOverflow,
    /// The watch began while units were running.
    WatchBegan,
    /// The manager did not say when its timers elapse.
    Timers,
}

/// A gap, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reason {
    pub reason: Gap,
    /// One sentence for people, without a full stop.
    pub text: String,
}

impl Reason {
    /// Makes a reason.
    pub fn new(reason: Gap, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A stretch of a journal in which so much was written that lines can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusyStretch {
    /// How many entries were written.
    pub entries: u64,
    /// From when to when, in microseconds since 1970.
    pub from: i64,
    pub to: i64,
}

/// Finds stretches between two entries in which more was written than the rate limit lets through
/// within its interval. Only the lines themselves can say whether it was written that fast.
pub fn busy_stretches(entries: &[JournalEntry], tail: Option<(u64, i64)>) -> Vec<BusyStretch> {
    let known = entries.iter().filter_map(|entry| Some((entry.sequence?, entry.at.realtime)));
    let known: Vec<(u64, i64)> = known.chain(tail).collect();
    let busy = known.windows(2).filter_map(|pair| {
        let [(first, from), (last, to)] = [pair[0], pair[1]];
        let entries = last.saturating_sub(first);
        (entries >= RATE_BURST && to >= from).then_some(BusyStretch { entries, from, to })
    });
    busy.collect()
}

/// Whether so many lines in one interval can have hit the rate limit.
pub fn hits_rate_limit(lines_in_interval: u64) -> bool {
    lines_in_interval >= RATE_BURST
}

/// Finds what the entries themselves say about gaps.
pub(super) fn gaps_in(entries: &[JournalEntry]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let dropped: u64 = entries
        .iter()
        .filter(|entry| entry.event == Some(JournalEvent::Dropped))
        .map(|entry| entry.dropped.unwrap_or(1))
        .sum();
    if dropped > 0 {
        reasons.push(Reason::new(Gap::DroppedRecords, format!("journald dropped {dropped} lines")));
    }
    let boots =
        entries.iter().map(|entry| entry.at.boot).collect::<std::collections::BTreeSet<_>>();
    if boots.len() > 1 {
        reasons.push(Reason::new(
            Gap::SeveralBoots,
            format!("the journal is of {} boots: what ran at a reboot has no end", boots.len()),
        ));
    }
    if let Some(seconds) = clock_jump(entries.iter().map(|entry| entry.at)) {
        reasons.push(Reason::new(
            Gap::ClockJump,
            format!("the wall clock was set by {seconds:+.0} s within the window"),
        ));
    }
    reasons
}

/// The largest jump of the wall clock beside the monotonic one, in seconds.
fn clock_jump(moments: impl Iterator<Item = Moment>) -> Option<f64> {
    let mut last: Option<Moment> = None;
    let mut largest = 0i64;
    for moment in moments {
        if let Some(last) = last.filter(|last| last.boot == moment.boot) {
            let real = moment.realtime.saturating_sub(last.realtime);
            let jump = real.saturating_sub(moment.monotonic.saturating_sub(last.monotonic));
            if jump.saturating_abs() > largest.saturating_abs() {
                largest = jump;
            }
        }
        last = Some(moment);
    }
    (largest.saturating_abs() > CLOCK_JUMP).then_some(largest as f64 / 1e6)
}

/// What is known about where a journal begins, in microseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalReach {
    /// Its oldest entry.
    pub oldest: Option<i64>,
    /// When this host's machine id was made: nothing is older.
    pub machine_created: Option<i64>,
    /// When this boot's first process started.
    pub boot_started: Option<i64>,
    /// When the manager started that writes it.
    pub manager_started: Option<i64>,
}

impl JournalReach {
    /// Says why the journal does not reach back to `since`; `None` if it does.
    pub fn gap(&self, since: i64) -> Option<Reason> {
        const CLOSE: i64 = 5_000_000;
        let oldest = self.oldest?;
        // A journal that begins with its manager lacks nothing, unless there was an earlier one.
        let begins_with_manager =
            self.manager_started.is_none_or(|started| oldest <= started.saturating_add(CLOSE));
        let no_earlier_manager = self.machine_created.is_some_and(|created| created >= since)
            || self.boot_started.is_some_and(|started| started <= since);
        if oldest <= since || (begins_with_manager && no_earlier_manager) {
            return None;
        }
        let at = Moment::from_realtime(oldest).timestamp()?;
        Some(Reason::new(
            Gap::Rotated,
            format!("the journal begins at {at:.0}: what was before is not stored"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u64, realtime: i64, monotonic: i64, boot: u32) -> JournalEntry {
        let at = Moment { boot, monotonic, realtime };
        JournalEntry { at, sequence: Some(sequence), ..JournalEntry::default() }
    }

    #[test]
    fn a_clock_that_is_set_and_a_reboot_are_gaps() {
        let gaps = |entries: &[JournalEntry]| {
            gaps_in(entries).into_iter().map(|reason| reason.reason).collect::<Vec<_>>()
        };
        let steady = [entry(1, 1_000_000, 0, 0), entry(2, 9_500_000, 8_000_000, 0)];
        assert_eq!(gaps(&steady), []);
        let jumped = [entry(1, 1_000_000, 0, 0), entry(2, 3_601_000_000, 8_000_000, 0)];
        assert_eq!(gaps(&jumped), [Gap::ClockJump]);
        let rebooted = [entry(1, 1_000_000, 50, 0), entry(2, 2_000_000, 8, 1)];
        assert_eq!(gaps(&rebooted), [Gap::SeveralBoots]);
    }

    #[test]
    fn ten_thousand_entries_between_two_are_suspicious() {
        let entries = [entry(1, 5, 5, 0), entry(10_001, 9, 9, 0), entry(10_002, 10, 10, 0)];
        let busy = BusyStretch { entries: 10_000, from: 5, to: 9 };
        assert_eq!(busy_stretches(&entries, None), [busy]);
        assert_eq!(busy_stretches(&entries, Some((30_000, 20))).len(), 2);
        assert_eq!(busy_stretches(&entries[1..], None), []);
    }

    #[test]
    fn a_journal_that_begins_too_late_was_rotated_unless_the_machine_is_new() {
        const S: i64 = 1_000_000;
        let reach = |oldest, created, started| JournalReach {
            oldest: Some(oldest),
            machine_created: Some(created),
            boot_started: Some(25 * S),
            manager_started: Some(started),
        };
        assert_eq!(reach(10 * S, 0, 0).gap(20 * S), None);
        assert_eq!(reach(30 * S, 25 * S, 29 * S).gap(20 * S), None);
        assert_eq!(reach(30 * S, 0, 29 * S).gap(20 * S).unwrap().reason, Gap::Rotated);
        assert_eq!(reach(60 * S, 25 * S, 29 * S).gap(20 * S).unwrap().reason, Gap::Rotated);
        // Within this boot the manager was the first, or was there before the journal begins.
        assert_eq!(reach(30 * S, 0, 29 * S).gap(26 * S), None);
        assert_eq!(reach(60 * S, 0, 29 * S).gap(26 * S).unwrap().reason, Gap::Rotated);
    }
}
