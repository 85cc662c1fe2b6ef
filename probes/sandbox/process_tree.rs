use std::collections::BTreeSet;
use std::fs;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// Kills every descendant of a process, however it detached itself, as long as the process is
/// their subreaper (PR_SET_CHILD_SUBREAPER(2const)). The process itself is left alone, and so is
/// everything below a process in `spared`. Gives those that were killed.
pub(super) fn kill_descendants(root: Pid, spared: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let descendants = frozen_descendants(root, spared);
    for pid in &descendants {
        let _ = kill(*pid, Signal::SIGKILL);
    }
    descendants
}

/// Kills a process and all its descendants, and gives the descendants.
pub(super) fn kill_tree(root: Pid) -> BTreeSet<Pid> {
    let _ = kill(root, Signal::SIGSTOP);
    let descendants = kill_descendants(root, &BTreeSet::new());
    let _ = kill(root, Signal::SIGKILL);
    descendants
}

/// Reaps the calling process's children until none is left.
pub(super) fn reap_children() {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}

/// Stops all descendants, again and again until no new one shows: a process that is stopped cannot
/// fork away from the signal that follows.
fn frozen_descendants(root: Pid, spared: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let mut seen = BTreeSet::new();
    loop {
        let all = descendants_without(root, spared);
        let new: Vec<Pid> = all.into_iter().filter(|pid| seen.insert(*pid)).collect();
        if new.is_empty() {
            return seen;
        }
        for pid in new {
            let _ = kill(pid, Signal::SIGSTOP);
        }
    }
}

/// All descendants of a process that /proc shows at this moment.
pub(super) fn descendants(root: Pid) -> Vec<Pid> {
    descendants_without(root, &BTreeSet::new())
}

/// The same without the processes in `spared` and what is below them.
fn descendants_without(root: Pid, spared: &BTreeSet<Pid>) -> Vec<Pid> {
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        let mut children = children(parent);
        children.retain(|child| !spared.contains(child));
        parents.extend(&children);
        found.extend(children);
    }
    found
}

/// The children of all threads of a process (proc_tid_children(5)).
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
