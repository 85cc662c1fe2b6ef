//! What lock histories say of a unit, of a fire, and of the window.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::fire::FireRuns;
use super::lock_usage::usage;
use super::model::{HOLDS, LockHold};
use super::{Acquisition, Gap, LockHistory, LockUsage, Reason, UnitRun, Violations};

/// The locks that a unit took: acquisitions within its run whose label names it as a word.
pub(super) fn locks_of(history: &LockHistory, run: &UnitRun) -> Vec<LockUsage> {
    let Some(start) = run.start else { return Vec::new() };
    let stem = run.unit.rsplit_once('.').map_or(run.unit.as_str(), |(stem, _)| stem);
    let begin = start.realtime / 1_000_000;
    let end = run.end.map_or(i64::MAX, |end| end.realtime / 1_000_000 + 1);
    // They are sorted by time.
    let from = history.acquisitions.partition_point(|it| it.acquired < begin);
    let own: Vec<_> = history.acquisitions[from..]
        .iter()
        .take_while(|it| it.acquired <= end)
        .filter(|it| names_unit(&history.labels[it.label as usize], stem))
        .collect();
    let locks: BTreeSet<u32> = own.iter().map(|it| it.lock).collect();
    let usage_of = |lock: &u32| {
        let of_lock: Vec<_> = own.iter().copied().filter(|it| it.lock == *lock).collect();
        usage(&history.locks[*lock as usize], &of_lock)
    };
    locks.iter().map(usage_of).collect()
}

fn names_unit(label: &str, stem: &str) -> bool {
    label.match_indices(stem).any(|(at, _)| {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_-@".contains(c));
        !is_part(label[..at].chars().next_back())
            && !is_part(label[at + stem.len()..].chars().next())
    })
}

/// The violations from a fire until the next.
pub(super) fn violations_in(
    history: &LockHistory,
    fire: &FireRuns,
    next: Option<i64>,
) -> Violations {
    let from = fire.at.realtime / 1_000_000;
    let until = next.map_or(i64::MAX, |next| next / 1_000_000);
    let from = history.acquisitions.partition_point(|it| it.acquired < from);
    let to = history.acquisitions.partition_point(|it| it.acquired < until);
    let mut sum = Violations::default();
    for lock in 0..history.locks.len() {
        let of_lock: Vec<_> = history.acquisitions[from..to.max(from)]
            .iter()
            .filter(|it| it.lock as usize == lock)
            .collect();
        let found = usage("", &of_lock).violations;
        sum.proved += found.proved;
        sum.possible += found.possible;
    }
    sum
}

/// The newest holds that reach into the window.
pub(super) fn holds(
    history: &LockHistory,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Vec<LockHold> {
    let is_in_window = |it: &&Acquisition| {
        since.is_none_or(|since| it.released.is_none_or(|to| to >= since.as_second()))
            && until.is_none_or(|until| it.acquired <= until.as_second())
    };
    let newest = history.acquisitions.iter().rev().filter(is_in_window).take(HOLDS);
    let mut holds: Vec<LockHold> = newest
        .map(|it| LockHold {
            lock: history.locks[it.lock as usize].clone(),
            pid: it.pid,
            from: it.acquired,
            to: it.released,
        })
        .collect();
    holds.reverse();
    holds
}

/// What a history itself says about gaps.
pub(super) fn history_gaps(history: &LockHistory) -> Vec<Reason> {
    let mut gaps = Vec::new();
    if history.bad.are_many(history.good_lines()) {
        let line = history.bad.first_line.unwrap_or_default();
        gaps.push(Reason::new(
            Gap::BadRecords,
            format!(
                "{} lines of a lock history cannot be read, the first is line {line}",
                history.bad.count
            ),
        ));
    }
    if history.orphan_releases > 0 {
        gaps.push(Reason::new(
            Gap::LockHistory,
            format!(
                "{} releases in a lock history have no acquisition before them",
                history.orphan_releases
            ),
        ));
    }
    if let Some(seconds) = history.clock_went_back {
        gaps.push(Reason::new(
            Gap::ClockJump,
            format!("the clock of a lock history goes back by {seconds} s"),
        ));
    }
    gaps
}
