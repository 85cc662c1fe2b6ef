//! Whether git was interrupted in the work tree that is examined: locks and operations that nobody
//! is at work on. Only reads, and runs no git there.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::git_leftovers::{Leftover, git_locks, operation, span};
use crate::host::{GitDir, User, command_line, descends_from, open_files, processes};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// A younger lock may be that of a git that cannot be seen from here, as in a container.
const RECENT: Duration = Duration::from_secs(60);

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let git = examined(sandbox)?;
    let locks = git_locks(&git);
    let operation = operation(&git);
    let workers = git_at_work(&git);
    // What went away meanwhile was somebody's, and is nobody's now.
    let locks: Vec<Leftover> = locks.into_iter().filter(Leftover::stays).collect();

    let mut measurement = Measurement::default();
    let top = git.top.as_deref().unwrap_or(&git.own);
    measurement.detail("top", top.to_string_lossy());
    let uid = User::current().uid;
    let state = lock_state(&locks, !workers.is_empty(), uid);
    let shown: Vec<&Path> = locks.iter().map(|lock| lock.path.as_path()).collect();
    let listing = list(sandbox, if shown.is_empty() { vec![git.own.as_path()] } else { shown })?;
    measurement.fact_from("locks", state, &listing);
    if let Some(oldest) = locks.iter().max_by_key(|lock| lock.age) {
        measurement.detail("lock", oldest.path.to_string_lossy());
        measurement.detail("lock-age", span(oldest.age));
    }
    let half_done = match &operation {
        None => "none",
        Some(_) if !workers.is_empty() => "under-way",
        Some((name, _)) => name,
    };
    let shown = operation.as_ref().map_or(git.own.as_path(), |(_, left)| left.path.as_path());
    measurement.fact_from("operation", half_done, &list(sandbox, vec![shown])?);
    if let Some((_, left)) = &operation {
        measurement.detail("operation-age", span(left.age));
    }
    measurement.summary = summary(&locks, operation.as_ref(), workers.len());
    Ok(measurement)
}

/// The repository that `--repo` lies in.
fn examined(sandbox: &Sandbox) -> Result<GitDir, Unable> {
    let Some(repo) = &sandbox.settings.repo else {
        return Err(Unable::Skipped("no work tree was named with --repo".into()));
    };
    let git = GitDir::find(repo).ok_or_else(|| match fs::symlink_metadata(repo.join(".git")) {
        Ok(_) => Unable::Unmeasured(format!("{}/.git cannot be read", repo.display())),
        Err(_) => Unable::Skipped(format!("{} is in no git repository", repo.display())),
    })?;
    fs::read_dir(&git.own).map_err(|error| {
        Unable::Unmeasured(format!("{} cannot be read: {error}", git.own.display()))
    })?;
    Ok(git)
}

/// What the locks are, in the word of the card.
fn lock_state(locks: &[Leftover], is_git_at_work: bool, uid: u32) -> &'static str {
    let Some(oldest) = locks.iter().map(|lock| lock.age).max() else { return "none" };
    if is_git_at_work {
        "held"
    } else if uid != 0 && locks.iter().any(|lock| lock.uid != uid) {
        "not-visible"
    } else if oldest < RECENT {
        "recent"
    } else {
        "abandoned"
    }
}

/// The processes of git that work in the repository: in its work tree by their working directory, or
/// with a file of its git directory open. What this run has started may stand there, too, and does
/// nothing to it: the question for git's version, the private repositories of other probes.
fn git_at_work(git: &GitDir) -> Vec<u32> {
    let homes: Vec<&Path> =
        git.top.iter().chain([&git.own, &git.common]).map(PathBuf::as_path).collect();
    let at_home = |path: PathBuf| homes.iter().any(|home| path.starts_with(home));
    let doctor = std::os::unix::process::parent_id();
    processes()
        .filter(|pid| is_git(&command_line(*pid)) && !descends_from(*pid, doctor))
        .filter(|pid| {
            let cwd = fs::read_link(format!("/proc/{pid}/cwd"));
            cwd.is_ok_and(at_home) || open_files(*pid).into_iter().any(at_home)
        })
        .collect()
}

/// Whether a command is git or one of its helpers, such as `git-remote-https`.
fn is_git(words: &[String]) -> bool {
    let program = words.first().and_then(|word| word.rsplit('/').next());
    program.is_some_and(|program| program == "git" || program.starts_with("git-"))
}

fn list(sandbox: &Sandbox, paths: Vec<&Path>) -> Result<crate::sandbox::Completed, Unable> {
    // Only a few are shown: a command line has an end.
    Ok(sandbox.command("ls").args(["-ld", "--"]).args(paths.into_iter().take(20)).run()?)
}

fn summary(locks: &[Leftover], operation: Option<&(&str, Leftover)>, workers: usize) -> String {
    let locks = match locks {
        [] => "git has no lock there".to_owned(),
        [one] => format!("{} is {} old", one.path.display(), span(one.age)),
        all => {
            let oldest = all.iter().map(|lock| lock.age).max().unwrap_or_default();
            format!("git has {} locks there, the oldest {} old", all.len(), span(oldest))
        }
    };
    let operation = match operation {
        None => "no operation is half done".to_owned(),
        Some((name, left)) => format!("a {name} was begun {} ago", span(left.age)),
    };
    format!("{locks}, {operation}, and {workers} git processes are at work")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_abandoned_when_it_is_old_and_no_git_works() {
        let lock = |seconds, uid| {
            vec![Leftover {
                path: "/r/.git/index.lock".into(),
                age: Duration::from_secs(seconds),
                uid,
            }]
        };
        assert_eq!(lock_state(&[], false, 7), "none");
        assert_eq!(lock_state(&lock(3600, 7), true, 7), "held");
        assert_eq!(lock_state(&lock(3600, 7), false, 7), "abandoned");
        assert_eq!(lock_state(&lock(3, 7), false, 7), "recent");
        assert_eq!(lock_state(&lock(3600, 8), false, 7), "not-visible");
        assert_eq!(lock_state(&lock(3600, 8), false, 0), "abandoned");
    }

    #[test]
    fn git_is_known_by_its_program() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_git(&words("/usr/lib/git-core/git gc --auto")));
        assert!(is_git(&words("git-remote-https origin")));
        assert!(!is_git(&words("vim .git/COMMIT_EDITMSG")));
        assert!(!is_git(&words("/usr/bin/gitk")));
        assert!(!is_git(&[]));
    }
}
