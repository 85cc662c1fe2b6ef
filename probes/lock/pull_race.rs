//! What becomes of six `git pull --rebase --autostash` at once in one work tree that is behind its
//! remote, and of six under the lock.

use std::fs;
use std::path::{Path, PathBuf};

use super::private_repo::PrivateRepo;
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// How many workers the first document launches.
const MANY: usize = 6;
/// How often six pulls are tried, if by chance none of them fails.
const ROUNDS: usize = 3;
/// A worker without the lock, and one with it. Both wait for the end of their input to begin.
const UNLOCKED: &str =
    r#"cd "$1" || exit; echo ready; read -r go; exec git pull --rebase --autostash"#;
const LOCKED: &str = r#"cd "$1" || exit; exec 9>.git/pull-lock; echo ready; read -r go; flock 9;
git pull --rebase --autostash; status=$?; flock -u 9; exit $status"#;
/// What the uncommitted change in the work tree is.
const CHANGE: &str = "changed\n";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let remote = Remote::make(sandbox)?;
    let mut round = 0;
    let (unlocked, tree) = loop {
        let tree = remote.clone_to(&format!("unlocked-{round}"))?;
        let runs = pull(&remote, UNLOCKED, &tree)?;
        round += 1;
        if failures(&runs).next().is_some() || round == ROUNDS {
            break (runs, tree);
        }
    };
    let locked_tree = remote.clone_to("locked")?;
    let locked = pull(&remote, LOCKED, &locked_tree)?;

    let mut measurement = Measurement::default();
    for (fact, runs) in [("unlocked", &unlocked), ("locked", &locked)] {
        let value = if failures(runs).next().is_some() { "some-fail" } else { "none-fails" };
        measurement.fact_from(fact, value, failures(runs).next().unwrap_or(&runs[0]));
    }
    if let Some(told) = failures(&unlocked).map(|run| Told::of(&run.errors())).min() {
        measurement.fact("message", told.name());
    }
    let (left, left_locked) = (remote.state_of(&tree)?, remote.state_of(&locked_tree)?);
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

/// Starts all pulls at the same moment and waits for them.
fn pull(remote: &Remote, script: &str, tree: &Path) -> Result<Vec<Completed>, Unable> {
    let start = |_| {
        let command = remote.repo.command("sh").args(["-c", script, "sh"]).arg(tree);
        command.with_input().start()
    };
    let mut pulls: Vec<Running> = (0..MANY).map(start).collect::<Result<_, _>>()?;
    for pull in &mut pulls {
        if pull.next_line(0)?.is_none() {
            return Err(Unable::Unmeasured("a worker ended before it pulled".into()));
        }
    }
    for pull in &mut pulls {
        pull.close_input();
    }
    Ok(pulls.into_iter().map(Running::wait).collect::<Result<_, _>>()?)
}

/// The repository that is pulled from. Its clones are one commit behind it, have one commit of
/// their own, and a change that is not committed.
struct Remote<'a> {
    repo: PrivateRepo<'a>,
    sandbox: &'a Sandbox<'a>,
    prototype: PathBuf,
    newest: String,
}

impl<'a> Remote<'a> {
    fn make(sandbox: &'a Sandbox<'a>) -> Result<Self, Unable> {
        let repo = PrivateRepo::init(sandbox, "remote")?;
        let commit = |name: &str| {
            fs::write(repo.top.join(name), "")?;
            repo.git(&["add", name])?;
            repo.git(&["commit", "--quiet", "--message", name])
        };
        commit("file")?;
        let prototype = repo.clone_as("prototype")?;
        commit("ahead")?;
        let newest = repo.git(&["rev-parse", "HEAD"])?.text();
        let clone = PrivateRepo::open(sandbox, prototype.clone());
        clone.git(&["commit", "--quiet", "--allow-empty", "--message=own"])?;
        // Nothing is to be done in the background of a measurement.
        clone.git(&["config", "maintenance.auto", "false"])?;
        fs::write(prototype.join("file"), CHANGE)?;
        Ok(Self { repo, sandbox, prototype, newest })
    }

    fn clone_to(&self, name: &str) -> Result<PathBuf, Unable> {
        let tree = self.sandbox.dir().join(name);
        let copied = self.sandbox.command("cp").arg("-R").arg(&self.prototype).arg(&tree).run()?;
        if copied.success() { Ok(tree) } else { Err(Unable::Unmeasured(copied.errors())) }
    }

    /// In which state a work tree is left, in the word of the card.
    fn state_of(&self, tree: &Path) -> Result<&'static str, Unable> {
        let git = tree.join(".git");
        if git.join("rebase-merge").exists() || git.join("rebase-apply").exists() {
            return Ok("mid-rebase");
        }
        if fs::read_to_string(tree.join("file")).ok().as_deref() != Some(CHANGE) {
            return Ok("change-missing");
        }
        let ancestor = self.repo.command("git").arg("-C").arg(tree);
        let ancestor =
            ancestor.args(["merge-base", "--is-ancestor", &self.newest, "HEAD"]).run()?;
        Ok(if ancestor.success() { "updated" } else { "not-updated" })
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
