use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::PidFd;

/// How long killed processes may take to end: one that the kernel holds is left to it.
const REAP_TIMEOUT: Duration = Duration::from_millis(500);

/// Kills all descendants of this process except those in `exclude` and their descendants, and reaps them.
/// Unreaped, they would stay visible as zombies until this process has exited.
pub(crate) fn end_descendants(exclude: &BTreeSet<Pid>) {
    kill_descendants(Pid::this(), exclude);
    reap_killed(exclude, Instant::now() + REAP_TIMEOUT);
}

/// Kills all descendants of a process except those in `exclude` and their descendants, and returns the
/// killed ones. The process itself keeps running. If it is a subreaper
/// (`PR_SET_CHILD_SUBREAPER(2const)`), detached descendants are killed too.
pub(crate) fn kill_descendants(root: Pid, exclude: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let descendants = stop_descendants(root, exclude);
    for pid in &descendants {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    descendants
}

/// Kills a process and all its descendants, and returns the descendants.
pub(crate) fn kill_tree(root: Pid) -> BTreeSet<Pid> {
    let _ = kill(root, Signal::SIGSTOP);
    let descendants = kill_descendants(root, &BTreeSet::new());
    let _ = kill(root, Signal::SIGKILL);
    descendants
}

/// Reaps the killed processes that have become children of this one, as the subreaper of what it started.
/// Processes in `exclude` are left alone; one that does not end is waited for until `deadline`.
fn reap_killed(exclude: &BTreeSet<Pid>, deadline: Instant) {
    loop {
        let mut own = children(Pid::this());
        own.retain(|pid| !exclude.contains(pid));
        let mut has_reaped = false;
        for pid in own {
            let has_exited =
                PidFd::of(pid.as_raw().cast_unsigned()).is_ok_and(|process| process.wait(deadline));
            has_reaped |= has_exited && waitpid(pid, Some(WaitPidFlag::WNOHANG)).is_ok();
        }
        if !has_reaped {
            return;
        }
    }
}

/// Waits for all children of the calling process.
pub(crate) fn reap_children() {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(status) if status != WaitStatus::StillAlive => {}
            Err(Errno::EINTR) => {}
            Ok(_) | Err(_) => return,
        }
    }
}

/// Stops all descendants, and repeats that until no new one appears: a stopped process cannot fork
/// before the signal that kills it.
fn stop_descendants(root: Pid, exclude: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let mut seen = BTreeSet::new();
    loop {
        let all = descendants_without(root, exclude);
        let new: Vec<Pid> = all.into_iter().filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            return seen;
        }
        for pid in new {
            let _ = kill(pid, Signal::SIGSTOP);
        }
    }
}

/// Returns all descendants of a process that /proc shows now.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    descendants_without(root, &BTreeSet::new())
}

/// Returns the descendants except those in `exclude` and their descendants.
fn descendants_without(root: Pid, exclude: &BTreeSet<Pid>) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let mut children = children(parent);
        children.retain(|child| !exclude.contains(child));
        parents.extend(&children);
        found.extend(children);
    }
    found
}

/// Returns the children of all threads of a process (`proc_tid_children(5)`).
fn children(parent: Pid) -> Vec<Pid> {
    let Ok(threads) = fs::read_dir(format!("/proc/{parent}/task")) else { return Vec::new() };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|line| {
            line.split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .map(Pid::from_raw)
                .collect::<Vec<_>>()
        })
        .collect()
}
