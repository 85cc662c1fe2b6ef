use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::LockRow;

/// A change of a lock while it is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LockEvent {
    /// When it was seen.
    pub at: Timestamp,
    pub event: LockEventKind,
    pub path: String,
    /// The process; `None` if the file itself changed.
    pub pid: Option<u32>,
    pub comm: Option<String>,
}

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LockEventKind {
    /// The process does not hold the lock any more.
    Released,
    /// It does not wait any more.
    StoppedWaiting,
    /// The file was deleted or replaced while it was held.
    Deleted,
    /// One of git's lock files was removed.
    Removed,
    /// One of git's lock files was created, or is the file that is watched.
    Created,
    /// It holds the lock.
    Holds,
    /// It waits for the lock.
    Waits,
}

impl LockEventKind {
    /// Returns the words for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::StoppedWaiting => "stopped waiting",
            Self::Deleted => "deleted while held",
            Self::Removed => "removed",
            Self::Created => "created",
            Self::Holds => "holds",
            Self::Waits => "waits",
        }
    }
}

/// Returns what changed between two readings, first what ended and then what began.
pub fn changes(before: &[LockRow], after: &[LockRow], at: Timestamp) -> Vec<LockEvent> {
    let mut events = Vec::new();
    let other = |rows: &[LockRow], row: &LockRow| {
        rows.iter()
            .find(|it| (it.dev, it.ino) == (row.dev, row.ino) && it.path == row.path)
            .cloned()
    };
    for row in before {
        let now = other(after, row);
        processes(
            &mut events,
            row,
            now.as_ref(),
            at,
            [LockEventKind::Released, LockEventKind::StoppedWaiting],
        );
        if now.is_none() && row.written.is_some() {
            events.push(of_file(row, at, LockEventKind::Removed));
        }
    }
    for row in after {
        let then = other(before, row);
        if then.is_none() && row.written.is_some() {
            events.push(of_file(row, at, LockEventKind::Created));
        }
        if row.deleted && then.as_ref().is_none_or(|then| !then.deleted) {
            events.push(of_file(row, at, LockEventKind::Deleted));
        }
        processes(
            &mut events,
            row,
            then.as_ref(),
            at,
            [LockEventKind::Holds, LockEventKind::Waits],
        );
    }
    events.sort_by_key(|event| event.event);
    events
}

/// Adds an event for each holder and each waiter of `row` that `other` does not have.
fn processes(
    events: &mut Vec<LockEvent>,
    row: &LockRow,
    other: Option<&LockRow>,
    at: Timestamp,
    [of_holder, of_waiter]: [LockEventKind; 2],
) {
    let event = |event, pid, comm: &String| {
        let path = row.path.clone();
        LockEvent { at, event, path, pid: Some(pid), comm: Some(comm.clone()) }
    };
    for holder in &row.holders {
        if !other.is_some_and(|it| it.holders.iter().any(|its| its.pid == holder.pid)) {
            events.push(event(of_holder, holder.pid, &holder.comm));
        }
    }
    for waiter in &row.waiters {
        if !other.is_some_and(|it| it.waiters.iter().any(|its| its.pid == waiter.pid)) {
            events.push(event(of_waiter, waiter.pid, &waiter.comm));
        }
    }
}

fn of_file(row: &LockRow, at: Timestamp, event: LockEventKind) -> LockEvent {
    LockEvent { at, event, path: row.path.clone(), pid: None, comm: None }
}

#[cfg(test)]
mod tests {
    use super::super::{LockHolderRow, LockWaiterRow};
    use super::*;

    fn row(holders: &[u32], waiters: &[u32]) -> LockRow {
        let at = Timestamp::UNIX_EPOCH;
        LockRow {
            holders: holders
                .iter()
                .map(|pid| LockHolderRow {
                    pid: *pid,
                    fd: None,
                    comm: "flock".into(),
                    taker: None,
                    inherited: false,
                    since: at,
                    unit: None,
                    owner: None,
                })
                .collect(),
            waiters: waiters
                .iter()
                .map(|pid| LockWaiterRow {
                    pid: *pid,
                    comm: "flock".into(),
                    mode: None,
                    since: None,
                    unit: None,
                    owner: None,
                })
                .collect(),
            ..LockRow::unlocked("/l")
        }
    }

    fn seen(before: &[LockRow], after: &[LockRow]) -> Vec<(LockEventKind, Option<u32>)> {
        let events = changes(before, after, Timestamp::UNIX_EPOCH);
        events.into_iter().map(|event| (event.event, event.pid)).collect()
    }

    #[test]
    fn a_lock_goes_from_one_process_to_the_next() {
        use LockEventKind::{Holds, Released, StoppedWaiting, Waits};
        assert_eq!(seen(&[], &[row(&[1], &[2])]), [(Holds, Some(1)), (Waits, Some(2))]);
        assert_eq!(
            seen(&[row(&[1], &[2])], &[row(&[2], &[])]),
            [(Released, Some(1)), (StoppedWaiting, Some(2)), (Holds, Some(2))]
        );
        assert_eq!(seen(&[row(&[1], &[])], &[row(&[1], &[])]), []);
    }

    #[test]
    fn a_deleted_file_and_a_lock_file_of_git_are_events_of_their_own() {
        let deleted = LockRow { deleted: true, ..row(&[1], &[]) };
        assert_eq!(seen(&[row(&[1], &[])], &[deleted]), [(LockEventKind::Deleted, None)]);
        let git = LockRow { written: Some(Timestamp::UNIX_EPOCH), ..row(&[], &[]) };
        assert_eq!(seen(&[], std::slice::from_ref(&git)), [(LockEventKind::Created, None)]);
        assert_eq!(seen(&[git], &[]), [(LockEventKind::Removed, None)]);
    }
}
