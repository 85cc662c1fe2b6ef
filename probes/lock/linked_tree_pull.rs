//! How six concurrent pulls end, each in a linked work tree of its own, and which way of updating them works.

use std::fs;
use std::path::PathBuf;

use super::support::at_once::{failures, run_at_once};
use super::support::private_repo::PrivateRepo;
use super::support::pull_error::PullError;
use super::support::try_lock::require_flock;
use crate::exec::{Command, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether all concurrent commands succeeded.
    enum Updates {
        SomeFail = "some-fail",
        NoneFails = "none-fails",
    }
}

const AT_ONCE: Fact<Updates> = Fact::new("at-once");
const LOCKED: Fact<Updates> = Fact::new("locked");
const FETCHED_ONCE: Fact<Updates> = Fact::new("fetched-once");
const MESSAGE: Fact<PullError> = Fact::new("message");
pub(crate) const FACTS: &[FactDecl] =
    &[AT_ONCE.decl(), LOCKED.decl(), FETCHED_ONCE.decl(), MESSAGE.decl()];

const TREES: usize = 6;
/// How often six are tried while, by chance, none of them fails.
const MAX_ROUNDS: usize = 4;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    require_flock(context)?;
    let fleet = Fleet::create(context)?;
    let mut measurement = Measurement::default();
    let mut round = 0;
    let at_once = loop {
        fleet.push_commit()?;
        let runs = run_at_once(fleet.pulls())?;
        round += 1;
        if failures(&runs).next().is_some() || round == MAX_ROUNDS {
            break runs;
        }
    };
    record(&mut measurement, AT_ONCE, &at_once);
    let errors: Vec<PullError> =
        failures(&at_once).map(|run| PullError::of(&run.stderr_text())).collect();
    if let Some(error) = errors.iter().min() {
        measurement.set(MESSAGE, *error);
    }
    measurement.detail("failed", errors.len().to_string());
    measurement.detail("messages", PullError::counts(&errors));

    fleet.push_commit()?;
    let lock = fleet.clone.top.join(".git/pull-lock");
    let locked = fleet.pulls().map(|pull| pull.wrapped_in(["flock".as_ref(), lock.as_os_str()]));
    let locked = run_at_once(locked)?;
    record(&mut measurement, LOCKED, &locked);
    measurement.detail("failed-locked", failures(&locked).count().to_string());

    fleet.push_commit()?;
    fleet.clone.git(&["fetch", "--quiet"])?;
    let rebase = ["rebase", "--quiet", "--autostash", "origin/main"];
    let rebased = run_at_once(fleet.in_each_tree(&rebase))?;
    record(&mut measurement, FETCHED_ONCE, &rebased);
    measurement.detail("failed-rebase", failures(&rebased).count().to_string());
    Ok(measurement)
}

/// A remote, and a clone of it with linked work trees on branches of their own, each with a commit of its own.
struct Fleet<'a> {
    remote: PrivateRepo<'a>,
    clone: PrivateRepo<'a>,
    trees: Vec<PathBuf>,
}

impl<'a> Fleet<'a> {
    fn create(context: &'a ProbeContext<'a>) -> Result<Self, NotMeasured> {
        let remote = PrivateRepo::init(context, "remote")?;
        fs::write(remote.top.join("file"), "")?;
        remote.git(&["add", "file"])?;
        remote.git(&["commit", "--quiet", "--message=first"])?;
        let clone = remote.clone_as("clone")?;
        clone.git(&["commit", "--quiet", "--allow-empty", "--message=own"])?;
        let trees = (0..TREES).map(|number| clone.add_work_tree(&format!("tree-{number}")));
        let trees = trees.collect::<Result<_, _>>()?;
        Ok(Self { remote, clone, trees })
    }

    /// Adds a commit to the remote.
    fn push_commit(&self) -> Result<(), NotMeasured> {
        let file = self.remote.top.join("file");
        let text = fs::read_to_string(&file)?;
        fs::write(&file, text + "news\n")?;
        self.remote.git(&["commit", "--quiet", "--all", "--message=news"]).map(drop)
    }

    fn pulls(&self) -> impl Iterator<Item = Command> {
        // A detached HEAD has no upstream, so the branch is named.
        self.in_each_tree(&["pull", "--quiet", "--rebase", "--autostash", "origin", "main"])
    }

    fn in_each_tree(&self, args: &[&str]) -> impl Iterator<Item = Command> {
        self.trees.iter().map(move |top| self.clone.command("git").arg("-C").arg(top).args(args))
    }
}

fn record(measurement: &mut Measurement, fact: Fact<Updates>, runs: &[Output]) {
    let failed = failures(runs).next();
    let value = if failed.is_some() { Updates::SomeFail } else { Updates::NoneFails };
    measurement.set_from(fact, value, failed.unwrap_or(&runs[0]));
}
