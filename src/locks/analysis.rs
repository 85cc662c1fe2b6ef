use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use launch_probes::host::{GitLock, GitLockState, LockFile, LockMode};

use super::fix::{release, remove, wait};
use super::model::RowKind;
use super::{LockHolderRow, LockProblem, LockRow, LockWaiterRow};

/// When the locks were read, and how long a process may wait.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub at: SystemTime,
    pub patience: Duration,
}

/// What was read of a locked file.
#[derive(Debug, Clone, Copy)]
pub struct LockFacts<'a>(pub &'a LockFile);

/// What was read of one of git's lock files, with its possible owners: id, name and start of each.
#[derive(Debug, Clone)]
pub struct GitLockFacts {
    pub lock: GitLock,
    pub state: GitLockState,
    pub owners: Vec<(u32, String, SystemTime)>,
}

/// Says who holds a file's lock, who waits, and what is wrong.
pub fn analyse(facts: LockFacts, moment: Moment) -> LockRow {
    let file = facts.0;
    let waited_long = |since: SystemTime| {
        moment.at.duration_since(since).is_ok_and(|waited| waited > moment.patience)
    };
    let mut problems = Vec::new();
    if file.holders.iter().any(|holder| holder.is_orphan) {
        problems.push(LockProblem::DeadTaker);
    }
    if file.is_deleted {
        problems.push(LockProblem::Deleted);
    }
    if file.waiters.iter().filter_map(|waiter| waiter.since).any(waited_long) {
        problems.push(LockProblem::LongWait);
    }
    let is_exclusive = file.holders.iter().any(|holder| holder.mode == LockMode::Exclusive);
    let mode = if is_exclusive { LockMode::Exclusive } else { LockMode::Shared };
    LockRow {
        path: file.path.to_string_lossy().into_owned(),
        dev: file.identity.0,
        ino: file.identity.1,
        kind: file.holders.first().map(|holder| RowKind::Kernel(holder.kind)),
        mode: (!file.holders.is_empty()).then_some(mode),
        deleted: file.is_deleted,
        stale: false,
        holders: file
            .holders
            .iter()
            .map(|holder| LockHolderRow {
                pid: holder.pid,
                fd: Some(holder.fd),
                comm: holder.comm.clone(),
                taker: holder.taker,
                inherited: holder.is_inherited,
                since: timestamp(holder.started),
                unit: None,
                owner: None,
            })
            .collect(),
        waiters: file
            .waiters
            .iter()
            .map(|waiter| LockWaiterRow {
                pid: waiter.pid,
                comm: waiter.comm.clone(),
                mode: waiter.mode,
                since: waiter.since.map(timestamp),
                unit: None,
                owner: None,
            })
            .collect(),
        written: None,
        undecided: None,
        is_owner_hidden: false,
        fix: fix_of(file),
        problems,
    }
}

/// Says whether one of git's lock files is stale, and who may own it.
pub fn analyse_git(facts: &GitLockFacts) -> LockRow {
    let GitLockFacts { lock, state, owners } = facts;
    let is_stale = *state == GitLockState::Stale;
    LockRow {
        path: lock.path.to_string_lossy().into_owned(),
        dev: lock.identity.0,
        ino: lock.identity.1,
        kind: Some(RowKind::Git),
        mode: Some(LockMode::Exclusive),
        deleted: false,
        stale: is_stale,
        holders: owners
            .iter()
            .map(|(pid, comm, started)| LockHolderRow {
                pid: *pid,
                fd: None,
                comm: comm.clone(),
                taker: Some(*pid),
                inherited: false,
                since: timestamp(*started),
                unit: None,
                owner: None,
            })
            .collect(),
        waiters: Vec::new(),
        written: Some(timestamp(lock.modified)),
        undecided: match state {
            GitLockState::Live(_) | GitLockState::Stale => None,
            GitLockState::Recent => Some("it is new, and a git in a container is not visible here"),
            GitLockState::NotVisible(why) => Some(why),
        },
        is_owner_hidden: matches!(state, GitLockState::NotVisible(_)),
        problems: is_stale.then_some(LockProblem::Stale).into_iter().collect(),
        fix: is_stale.then(|| remove(&lock.path)).into_iter().collect(),
    }
}

/// Returns the commands that free a lock without ending anything: a lock that an exited script left is released, and a
/// git that still works is waited for, as is a living holder of a deleted file.
fn fix_of(file: &LockFile) -> Vec<String> {
    let orphans: Vec<_> = file.holders.iter().filter(|holder| holder.is_orphan).collect();
    if let Some(git) = orphans.iter().find(|holder| holder.comm.starts_with("git")) {
        return vec![wait(git.pid, git.fd)];
    }
    if let Some(orphan) = orphans.first() {
        return vec![release(orphan.pid, orphan.fd)];
    }
    let holder = file.holders.first().filter(|_| file.is_deleted);
    holder.map(|holder| wait(holder.pid, holder.fd)).into_iter().collect()
}

fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use launch_probes::host::{LockKind, LockWaiter};

    use super::*;

    fn waiter(comm: &str, since: Option<SystemTime>) -> LockWaiter {
        let kind = LockKind::Flock;
        LockWaiter { pid: 7, fd: 3, comm: comm.into(), kind, mode: Some(LockMode::Shared), since }
    }

    fn row(waiters: Vec<LockWaiter>, is_deleted: bool) -> LockRow {
        let file = LockFile {
            path: "/l".into(),
            identity: (1, 2),
            is_deleted,
            holders: Vec::new(),
            waiters,
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_mins(10);
        analyse(LockFacts(&file), Moment { at, patience: Duration::from_mins(1) })
    }

    #[test]
    fn only_a_wait_that_is_known_to_be_long_is_a_problem() {
        let since = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(row(vec![waiter("flock", since(0))], false).problems, [LockProblem::LongWait]);
        assert_eq!(row(vec![waiter("flock", since(590))], false).problems, []);
        assert_eq!(row(vec![waiter("python3", None)], false).problems, []);
        let free = row(Vec::new(), false);
        assert_eq!((free.kind, free.mode, free.problems.len()), (None, None, 0));
    }

    #[test]
    fn a_deleted_file_is_a_problem_also_while_its_taker_runs() {
        let row = row(vec![waiter("flock", None)], true);
        assert!(row.deleted);
        assert_eq!(row.problems, [LockProblem::Deleted]);
    }

    #[test]
    fn only_a_lock_file_without_an_owner_is_stale() {
        let lock = GitLock {
            path: "/r/.git/index.lock".into(),
            identity: (1, 2),
            uid: 0,
            modified: SystemTime::UNIX_EPOCH,
        };
        let analysed =
            |state| analyse_git(&GitLockFacts { lock: lock.clone(), state, owners: Vec::new() });
        let stale = analysed(GitLockState::Stale);
        assert!(stale.stale);
        assert_eq!(stale.problems, [LockProblem::Stale]);
        for state in [GitLockState::Live(vec![1]), GitLockState::Recent] {
            let row = analysed(state);
            assert!(!row.stale && row.problems.is_empty(), "{row:?}");
        }
        assert!(analysed(GitLockState::NotVisible("hidden")).undecided.is_some());
    }
}
