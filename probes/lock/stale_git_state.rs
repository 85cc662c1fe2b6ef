//! Whether an interrupted git left locks or an unfinished operation in the work tree that is examined.
//! Only reads, and runs no git there.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::support::git_state::{GitOperation, StaleEntry, format_age, operation_in_progress};
use crate::exec::Output;
use crate::fact_values;
use crate::host::{
    GitDir, GitLock, GitLockState, GitPlace, GitProcess, descends_from, git_lock_states,
};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// The state of git's locks in the repository.
    enum Locks {
        None = "none",
        Held = "held",
        Recent = "recent",
        NotVisible = "not-visible",
        Abandoned = "abandoned",
        AbandonedForeign = "abandoned-foreign",
    }
}

fact_values! {
    /// The unfinished operation in the work tree.
    enum Unfinished {
        None = "none",
        UnderWay = "under-way",
        Rebase = "rebase",
        Am = "am",
        Merge = "merge",
        CherryPick = "cherry-pick",
        Revert = "revert",
        Bisect = "bisect",
    }
}

const LOCKS: Fact<Locks> = Fact::new("locks");
const OPERATION: Fact<Unfinished> = Fact::new("operation");
pub(crate) const FACTS: &[FactDecl] = &[LOCKS.decl(), OPERATION.decl()];

/// The commands that perform or continue an operation. Others in the same work tree, such as an idle
/// `git cat-file --batch`, say nothing about it.
const OPERATION_COMMANDS: [&str; 9] =
    ["am", "bisect", "cherry-pick", "commit", "merge", "pull", "rebase", "revert", "stash"];
/// Where an uncommitted change is kept before an operation is aborted.
const SAVED_CHANGE: &str = "before-abort.patch";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let git = find_repository(context)?;
    let operation = operation_in_progress(&git);
    let gits = git_processes(&git);
    let locks = git_lock_states(&git);

    let mut measurement = Measurement::default();
    let top = git.top.as_deref().unwrap_or(&git.git_dir);
    measurement.detail("top", top.to_string_lossy());
    measurement.detail("saved", git.git_dir.join(SAVED_CHANGE).to_string_lossy());
    record_locks(context, &git, &locks, &mut measurement)?;
    let is_under_way = gits.iter().any(|process| may_operate(process, &git));
    let unfinished = unfinished(operation.as_ref().map(|(name, _)| *name), is_under_way);
    let path = operation.as_ref().map_or(git.git_dir.as_path(), |(_, entry)| entry.path.as_path());
    measurement.set_from(OPERATION, unfinished, &list(context, &[path])?);
    if let Some((_, entry)) = &operation {
        measurement.detail("operation-age", format_age(entry.age));
    }
    describe(&mut measurement, &locks, operation.as_ref(), gits.len());
    Ok(measurement)
}

/// Records the worst state of the locks, and the locks that have it.
fn record_locks(
    context: &ProbeContext,
    git: &GitDir,
    locks: &[(GitLock, GitLockState)],
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let states = locks.iter().map(|(lock, state)| (lock_state(state, may_delete(lock)), lock));
    let mut states: Vec<(Locks, &GitLock)> = states.collect();
    states.sort_by_key(|(state, lock)| (*state as u8, lock.age()));
    let worst = states.last().map_or(Locks::None, |(state, _)| *state);
    let paths: Vec<&Path> = states.iter().rev().map(|(_, lock)| lock.path.as_path()).collect();
    let paths = if paths.is_empty() { vec![git.git_dir.as_path()] } else { paths };
    measurement.set_from(LOCKS, worst, &list(context, &paths)?);
    if let Some((_, oldest)) = states.last() {
        measurement.detail("lock", oldest.path.to_string_lossy());
        measurement.detail("lock-age", format_age(oldest.age()));
    }
    let hidden = locks.iter().find_map(|(_, state)| match state {
        GitLockState::NotVisible(reason) => Some(*reason),
        _ => None,
    });
    measurement.detail("why-not-visible", hidden.unwrap_or_default());
    let stale = locks.iter().filter(|(_, state)| *state == GitLockState::Stale);
    let stale = stale.map(|(lock, _)| lock.path.to_string_lossy().into_owned());
    measurement.list("stale-lock", stale);
    Ok(())
}

fn may_delete(lock: &GitLock) -> bool {
    lock.path.parent().is_some_and(|dir| access(dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok())
}

/// Returns the repository that `--repo` is in.
fn find_repository(context: &ProbeContext) -> Result<GitDir, NotMeasured> {
    let Some(repo) = &context.settings.repo else {
        return Err(NotMeasured::Skipped("no work tree was named with --repo".into()));
    };
    let git = GitDir::find(repo).ok_or_else(|| match fs::symlink_metadata(repo.join(".git")) {
        Ok(_) => NotMeasured::Unmeasured(format!("{}/.git cannot be read", repo.display())),
        Err(_) => NotMeasured::Skipped(format!("{} is not in a git repository", repo.display())),
    })?;
    fs::read_dir(&git.git_dir).map_err(|error| {
        NotMeasured::Unmeasured(format!("{} cannot be read: {error}", git.git_dir.display()))
    })?;
    Ok(git)
}

fn lock_state(state: &GitLockState, may_delete: bool) -> Locks {
    match state {
        GitLockState::Live(_) => Locks::Held,
        GitLockState::Recent => Locks::Recent,
        GitLockState::NotVisible(_) => Locks::NotVisible,
        GitLockState::Stale if may_delete => Locks::Abandoned,
        GitLockState::Stale => Locks::AbandonedForeign,
    }
}

fn unfinished(operation: Option<GitOperation>, is_under_way: bool) -> Unfinished {
    match operation {
        None => Unfinished::None,
        Some(_) if is_under_way => Unfinished::UnderWay,
        Some(GitOperation::Am) => Unfinished::Am,
        Some(GitOperation::Rebase) => Unfinished::Rebase,
        Some(GitOperation::Merge) => Unfinished::Merge,
        Some(GitOperation::CherryPick) => Unfinished::CherryPick,
        Some(GitOperation::Revert) => Unfinished::Revert,
        Some(GitOperation::Bisect) => Unfinished::Bisect,
    }
}

/// Returns the git processes in the repository and its linked work trees. Excludes what this run of doctor started: its
/// query of git's version and other probes' private repositories may be there too, and change nothing.
fn git_processes(git: &GitDir) -> Vec<GitProcess> {
    let common = fs::canonicalize(&git.common_dir).unwrap_or_else(|_| git.common_dir.clone());
    let place = GitPlace::Repository(common);
    let doctor = std::os::unix::process::parent_id();
    let mut gits = GitProcess::all();
    gits.retain(|process| process.place == place && !descends_from(process.pid, doctor));
    gits
}

/// Whether a process of the repository may work on an operation in this work tree.
fn may_operate(process: &GitProcess, git: &GitDir) -> bool {
    let command = process.command.as_deref();
    let is_operation = command.is_none_or(|name| {
        OPERATION_COMMANDS.iter().any(|it| name == *it || name.starts_with(&format!("{it}--")))
    });
    let cwd = fs::read_link(format!("/proc/{}/cwd", process.pid));
    let tree = cwd.ok().and_then(|cwd| GitDir::find(&cwd));
    let is_here = |tree: GitDir| canonical(&tree.git_dir) == canonical(&git.git_dir);
    is_operation && tree.is_none_or(is_here)
}

fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// Lists the first 20 of `paths`: a command line has a maximum length.
fn list(context: &ProbeContext, paths: &[&Path]) -> Result<Output, NotMeasured> {
    Ok(context.command("ls").args(["-ld", "--"]).args(paths.iter().take(20)).run()?)
}

/// Adds the figures of the summary.
fn describe(
    measurement: &mut Measurement,
    locks: &[(GitLock, GitLockState)],
    operation: Option<&(GitOperation, StaleEntry)>,
    gits: usize,
) {
    let oldest = locks.iter().map(|(lock, _)| lock.age()).max().unwrap_or_default();
    let locks = match locks {
        [] => "no git lock".to_owned(),
        [(lock, _)] => format!("{} is {} old", lock.path.display(), format_age(oldest)),
        all => format!("{} git locks, the oldest {} old", all.len(), format_age(oldest)),
    };
    let operation = match operation {
        None => "no unfinished operation".to_owned(),
        Some((operation, entry)) => {
            format!("git {} began {} ago", operation.command(), format_age(entry.age))
        }
    };
    let gits = match gits {
        0 => "no git process".to_owned(),
        1 => "1 git process".to_owned(),
        count => format!("{count} git processes"),
    };
    measurement.detail("found-locks", locks);
    measurement.detail("found-operation", operation);
    measurement.detail("git-processes", gits);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_lock_is_reported() {
        let worst = [Locks::Held, Locks::Recent, Locks::NotVisible, Locks::Abandoned];
        assert!(worst.is_sorted_by_key(|state| *state as u8));
        assert_eq!(lock_state(&GitLockState::Live(vec![7]), true), Locks::Held);
        assert_eq!(lock_state(&GitLockState::Stale, true), Locks::Abandoned);
        assert_eq!(lock_state(&GitLockState::Stale, false), Locks::AbandonedForeign);
        assert_eq!(lock_state(&GitLockState::Recent, true), Locks::Recent);
        assert_eq!(lock_state(&GitLockState::NotVisible("hidden"), true), Locks::NotVisible);
    }

    #[test]
    fn an_operation_is_under_way_while_a_git_works_on_it() {
        assert_eq!(unfinished(Some(GitOperation::Rebase), true), Unfinished::UnderWay);
        assert_eq!(unfinished(Some(GitOperation::Bisect), false), Unfinished::Bisect);
        assert_eq!(unfinished(None, true), Unfinished::None);
    }

    #[test]
    fn only_commands_that_perform_operations_count() {
        let here = GitDir { top: None, git_dir: "/r/.git".into(), common_dir: "/r/.git".into() };
        // It has exited, so that its work tree is unknown.
        let git = |command: Option<&str>| GitProcess {
            pid: u32::MAX,
            uid: 7,
            command: command.map(str::to_owned),
            started: std::time::SystemTime::UNIX_EPOCH,
            place: GitPlace::Unknown,
        };
        for command in [Some("rebase"), Some("rebase--interactive"), Some("commit"), None] {
            assert!(may_operate(&git(command), &here), "{command:?}");
        }
        for command in ["cat-file", "status", "fetch", "log"] {
            assert!(!may_operate(&git(Some(command)), &here), "{command}");
        }
    }
}
