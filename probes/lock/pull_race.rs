//! What becomes of six `git pull --rebase --autostash` at once in one work tree that is behind its
//! remote, and of six under the lock.

use std::fs;
use std::path::Path;

use super::attempts::require_flock;
use super::private_repo::PrivateRepo;
use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// How many workers the first document launches.
const MANY: usize = 6;
/// How often six pulls are tried, if by chance none of them fails.
const ROUNDS: usize = 3;
/// The command that is raced.
const PULL: [&str; 3] = ["pull", "--rebase", "--autostash"];
/// What the uncommitted change in the work tree is, and what the pulled one is in another file.
const CHANGE: &str = "changed\n";
const NEWS: &str = "new\n";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    require_flock(sandbox)?;
    let behind = behind_its_remote(sandbox)?;
    let mut round = 0;
    let (unlocked, tree) = loop {
        let tree = behind.copy_as(&format!("unlocked-{round}"))?;
        let runs = pull(|| behind.command("git").arg("-C").arg(&tree).args(PULL))?;
        round += 1;
        if failures(&runs).next().is_some() || round == ROUNDS {
            break (runs, tree);
        }
    };
    let lock = behind.top.join(".git/pull-lock");
    let git = || behind.command("git").arg("-C").arg(&behind.top).args(PULL);
    let locked = pull(|| git().behind([Path::new("flock"), &lock]))?;

    let mut measurement = Measurement::default();
    for (fact, runs) in [("unlocked", &unlocked), ("locked", &locked)] {
        let value = if failures(runs).next().is_some() { "some-fail" } else { "none-fails" };
        measurement.fact_from(fact, value, failures(runs).next().unwrap_or(&runs[0]));
    }
    if let Some(told) = failures(&unlocked).map(|run| Told::of(&run.errors())).min() {
        measurement.fact("message", told.name());
    }
    let (left, left_locked) = (state_of(&tree), state_of(&behind.top));
    measurement.fact("tree", left);
    measurement.fact("tree-locked", left_locked);
    measurement.summary = format!(
        "{} of {MANY} pulls at once failed{}, and the work tree was {left}; under the lock {} failed, \
         and it was {left_locked}",
        failures(&unlocked).count(),
        messages(&unlocked),
        failures(&locked).count(),
    );
    Ok(measurement)
}

/// What a pull that failed said, by the first reason that is found in it, in the order of fame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    MultipleBranches,
    RefLock,
    IndexLock,
    Other,
}

impl Told {
    fn of(errors: &str) -> Self {
        let says = |part| errors.contains(part);
        if says("Cannot rebase onto multiple branches") {
            Self::MultipleBranches
        } else if says("cannot lock ref") || says("incorrect old value") {
            Self::RefLock
        } else if says(".lock': File exists") {
            Self::IndexLock
        } else {
            Self::Other
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::MultipleBranches => "multiple-branches",
            Self::RefLock => "ref-lock",
            Self::IndexLock => "index-lock",
            Self::Other => "other",
        }
    }
}

fn failures(runs: &[Completed]) -> impl Iterator<Item = &Completed> {
    runs.iter().filter(|run| !run.success())
}

/// The messages of the pulls that failed, with how many there were of each.
fn messages(runs: &[Completed]) -> String {
    let told: Vec<Told> = failures(runs).map(|run| Told::of(&run.errors())).collect();
    let all = [Told::MultipleBranches, Told::RefLock, Told::IndexLock, Told::Other];
    let counts = all.into_iter().filter_map(|one| {
        let count = told.iter().filter(|other| **other == one).count();
        (count > 0).then(|| format!("{} {count}", one.name()))
    });
    let counts = counts.collect::<Vec<_>>().join(", ");
    if counts.is_empty() { counts } else { format!(" ({counts})") }
}

/// Starts all pulls at once and waits for them.
fn pull(command: impl Fn() -> Command) -> Result<Vec<Completed>, CommandError> {
    let pulls: Vec<Running> = (0..MANY).map(|_| command().start()).collect::<Result<_, _>>()?;
    pulls.into_iter().map(Running::wait).collect()
}

/// A work tree that is one commit behind its remote, and has one commit of its own and a change that
/// is not committed.
fn behind_its_remote<'a>(sandbox: &'a Sandbox<'a>) -> Result<PrivateRepo<'a>, Unable> {
    let remote = PrivateRepo::init(sandbox, "remote")?;
    fs::write(remote.top.join("file"), "")?;
    fs::write(remote.top.join("news"), "")?;
    remote.git(&["add", "file", "news"])?;
    remote.git(&["commit", "--quiet", "--message=first"])?;
    let clone = remote.clone_as("clone")?;
    fs::write(remote.top.join("news"), NEWS)?;
    remote.git(&["commit", "--quiet", "--all", "--message=ahead"])?;
    clone.git(&["commit", "--quiet", "--allow-empty", "--message=own"])?;
    fs::write(clone.top.join("file"), CHANGE)?;
    Ok(clone)
}

/// In which state a work tree is left, in the word of the card.
fn state_of(tree: &Path) -> &'static str {
    let is_there = |name: &str| tree.join(".git").join(name).exists();
    let holds =
        |name: &str, text: &str| fs::read_to_string(tree.join(name)).is_ok_and(|read| read == text);
    if is_there("rebase-merge") || is_there("rebase-apply") {
        "mid-rebase"
    } else if !holds("file", CHANGE) {
        "change-missing"
    } else if holds("news", NEWS) {
        "updated"
    } else {
        "not-updated"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_pull_is_known_by_what_it_said() {
        for (errors, name) in [
            ("fatal: Cannot rebase onto multiple branches.", "multiple-branches"),
            (
                "error: cannot lock ref 'refs/remotes/origin/main': is at 1 but expected 2",
                "ref-lock",
            ),
            (
                "error: fetching ref refs/remotes/origin/main failed: incorrect old value provided",
                "ref-lock",
            ),
            ("fatal: Unable to create '/w/.git/index.lock': File exists.", "index-lock"),
            ("warning: fetch updated the current branch head.", "other"),
        ] {
            assert_eq!(Told::of(errors).name(), name);
        }
    }
}
