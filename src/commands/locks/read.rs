use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use jiff::Timestamp;
use launch_probes::host::{
    Access, Cgroup, GitLock, GitLockState, LockScan, Manager, OwnerIndex, ProcStat, ProcessTable,
    StartClock, User, Versions, git_lock_states, sees_foreign_processes, tmux_servers,
    unseen_lock_inodes,
};

use super::files::{LockFiles, is_named_like_a_lock};
use crate::commands::host::read_host;
use crate::exit::Exit;
use crate::locks::{
    GitLockFacts, LockFacts, LockRow, LocksHost, LocksReport, Moment, Unreadable, analyse,
    analyse_git,
};

/// How long tmux servers have to list their panes.
const TMUX_TIMEOUT: Duration = Duration::from_secs(2);

/// What was read at one moment.
pub(super) struct Reading {
    pub(super) at: SystemTime,
    pub(super) rows: Vec<LockRow>,
    unreadable: usize,
}

impl Reading {
    /// Reads the locks on the files.
    ///
    /// # Errors
    /// When a file that was named cannot be examined; if `is_first` also when it does not exist.
    pub(super) fn take(
        files: &LockFiles,
        patience: Duration,
        is_first: bool,
    ) -> anyhow::Result<Self> {
        let paths: Vec<PathBuf> = files.named.iter().chain(&files.candidates).cloned().collect();
        let scan = match LockScan::read(&paths) {
            Ok(scan) => scan,
            Err((path, why)) => bail!("cannot examine {}: {why}", path.display()),
        };
        let at = SystemTime::now();
        for path in files.named.iter().filter(|_| is_first) {
            if !scan.files.iter().any(|file| file.path == *path) {
                bail!("cannot examine {}: there is no such file", path.display());
            }
        }
        let moment = Moment { at, patience };
        let mut rows: Vec<LockRow> = Vec::new();
        for file in &scan.files {
            let row = analyse(LockFacts(file), moment);
            let is_used = row.kind.is_some() || !row.waiters.is_empty();
            if is_used || files.named.contains(&file.path) || is_named_like_a_lock(&row.path) {
                rows.push(row);
            }
        }
        for git in &files.repositories {
            let states = git_lock_states(git).into_iter();
            let asked = states.filter(|(lock, _)| files.includes(&lock.path));
            rows.extend(asked.map(|(lock, state)| analyse_git(&git_facts(lock, state))));
        }
        Ok(Self { at, rows, unreadable: scan.unreadable })
    }

    /// Finds the agents of the processes, and puts all into a report.
    pub(super) fn into_report(mut self) -> LocksReport {
        self.add_owners();
        let unreadable = self.unreadable();
        let is_undecided = unreadable.is_some();
        let has_problem = self.rows.iter().any(|row| !row.problems.is_empty());
        let exit = match (has_problem, is_undecided) {
            (true, _) => Exit::Findings,
            (false, true) => Exit::Unmeasured,
            (false, false) => Exit::Success,
        };
        let host = read_host(&Versions::default(), Manager::User);
        let (name, machine, boot, kernel) = (host.name, host.machine, host.boot, host.kernel);
        LocksReport {
            schema: 1,
            doctor: env!("CARGO_PKG_VERSION"),
            host: LocksHost { name, machine, boot, kernel, user: host.user },
            at: Timestamp::try_from(self.at).unwrap_or(Timestamp::UNIX_EPOCH),
            locks: self.rows,
            unreadable,
            exit,
        }
    }

    /// Returns what could not be seen, if a process that holds one of the locks may be among it.
    fn unreadable(&self) -> Option<Unreadable> {
        let is_hidden = User::current().uid != 0 && !sees_foreign_processes();
        if self.unreadable == 0 && !is_hidden {
            return None;
        }
        let is_git_hidden = self.rows.iter().any(|row| row.is_owner_hidden);
        // /proc/locks says for all users which inodes are locked, but not in a process-id namespace.
        let held = unseen_lock_inodes();
        let may_be_held = |row: &LockRow| {
            row.may_be_held_unseen() && held.as_ref().is_none_or(|held| held.contains(&row.ino))
        };
        let is_relevant = is_git_hidden || self.rows.iter().any(may_be_held);
        is_relevant.then_some(Unreadable { processes: (!is_hidden).then_some(self.unreadable) })
    }

    fn add_owners(&mut self) {
        let is_used = |row: &LockRow| !row.holders.is_empty() || !row.waiters.is_empty();
        if !self.rows.iter().any(is_used) {
            return;
        }
        let table = ProcessTable::read();
        let servers = tmux_servers(&table, User::current().uid).unwrap_or_default();
        let deadline = Instant::now() + TMUX_TIMEOUT;
        let access = Access { manager: Manager::User, deadline };
        let index = OwnerIndex::query(access, servers).wait();
        for row in &mut self.rows {
            row.set_owners(|pid| {
                let unit = Cgroup::of_pid(pid).ok();
                let unit = unit.and_then(|cgroup| cgroup.unit().map(str::to_owned));
                (index.of_process(pid, unit.as_deref(), &table), unit)
            });
        }
    }
}

fn git_facts(lock: GitLock, state: GitLockState) -> GitLockFacts {
    let clock = StartClock::read();
    let pids = if let GitLockState::Live(pids) = &state { pids.as_slice() } else { &[] };
    let owner = |pid: &u32| {
        let stat = ProcStat::of_pid(*pid).ok()??;
        Some((*pid, stat.comm, clock.time_of(stat.start_time)))
    };
    GitLockFacts { owners: pids.iter().filter_map(owner).collect(), lock, state }
}
