//! How `git worktree add -b` ends while another git writes the configuration, and how six at once end.

use std::fs::OpenOptions;

use super::support::at_once::{failures, run_at_once};
use super::support::private_repo::PrivateRepo;
use super::support::try_lock::require_flock;
use crate::exec::{Command, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// How one command ends.
    enum Add {
        Fails = "fails",
        Succeeds = "succeeds",
    }
}

fact_values! {
    /// Whether all concurrent commands succeeded.
    enum Adds {
        SomeFail = "some-fail",
        NoneFails = "none-fails",
    }
}

fact_values! {
    /// What a command that failed left.
    enum Left {
        BranchOnly = "branch-only",
        TreeToo = "tree-too",
        Nothing = "nothing",
    }
}

const CONFIG_LOCKED: Fact<Add> = Fact::new("config-locked");
const CONFIG_LOCKED_NO_TRACK: Fact<Add> = Fact::new("config-locked-no-track");
const LEFT: Fact<Left> = Fact::new("left");
const RETRY: Fact<Add> = Fact::new("retry");
const AT_ONCE: Fact<Adds> = Fact::new("at-once");
const AT_ONCE_NO_TRACK: Fact<Adds> = Fact::new("at-once-no-track");
const LOCKED: Fact<Adds> = Fact::new("locked");
pub(crate) const FACTS: &[FactDecl] = &[
    CONFIG_LOCKED.decl(),
    CONFIG_LOCKED_NO_TRACK.decl(),
    LEFT.decl(),
    RETRY.decl(),
    AT_ONCE.decl(),
    AT_ONCE_NO_TRACK.decl(),
    LOCKED.decl(),
];

const AGENTS: usize = 6;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    require_flock(context)?;
    let clone = clone_of_a_commit(context)?;
    let mut measurement = Measurement::default();
    measure_locked_config(&clone.copy_as("config-locked")?, &mut measurement)?;

    let at_once = add_at_once(&clone.copy_as("at-once")?, &[], &["--track"])?;
    record(&mut measurement, AT_ONCE, &at_once);
    measurement.detail("failed", failures(&at_once).count().to_string());
    let no_track = add_at_once(&clone.copy_as("no-track")?, &[], &["--no-track"])?;
    record(&mut measurement, AT_ONCE_NO_TRACK, &no_track);
    measurement.detail("failed-no-track", failures(&no_track).count().to_string());

    let repository = clone.copy_as("locked")?;
    let lock = repository.top.join(".git/worktree-lock").to_string_lossy().into_owned();
    let locked = add_at_once(&repository, &["flock", &lock], &["--track"])?;
    record(&mut measurement, LOCKED, &locked);
    measurement.detail("failed-locked", failures(&locked).count().to_string());
    Ok(measurement)
}

/// Adds work trees while the configuration is locked, as it is for a moment by each git that writes it.
fn measure_locked_config(
    repository: &PrivateRepo,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let config_lock = repository.top.join(".git/config.lock");
    OpenOptions::new().write(true).create_new(true).open(&config_lock)?;
    let run = add(repository, 0, &["--track"]).run()?;
    measurement.set_from(CONFIG_LOCKED, end(&run), &run);
    measurement.detail("message", run.error_summary().lines().next().unwrap_or_default());
    let no_track = add(repository, 1, &["--no-track"]).run()?;
    measurement.set_from(CONFIG_LOCKED_NO_TRACK, end(&no_track), &no_track);
    std::fs::remove_file(&config_lock)?;
    if !run.success() {
        measurement.set(LEFT, left(repository, 0)?);
        let retry = add(repository, 0, &["--track"]).run()?;
        measurement.set_from(RETRY, end(&retry), &retry);
    }
    Ok(())
}

fn end(run: &Output) -> Add {
    if run.success() { Add::Succeeds } else { Add::Fails }
}

/// Returns a clone whose remote has one commit.
fn clone_of_a_commit<'a>(context: &'a ProbeContext<'a>) -> Result<PrivateRepo<'a>, NotMeasured> {
    let remote = PrivateRepo::init(context, "remote")?;
    std::fs::write(remote.top.join("file"), "")?;
    remote.git(&["add", "file"])?;
    remote.git(&["commit", "--quiet", "--message=first"])?;
    remote.clone_as("clone")
}

/// Adds a linked work tree with a new branch for each agent, all at once, each command wrapped in `wrapper`.
fn add_at_once(
    repository: &PrivateRepo,
    wrapper: &[&str],
    options: &[&str],
) -> Result<Vec<Output>, NotMeasured> {
    let adds = (0..AGENTS).map(|number| add(repository, number, options).wrapped_in(wrapper));
    Ok(run_at_once(adds)?)
}

/// Returns the command that adds a linked work tree with a new branch for an agent.
fn add(repository: &PrivateRepo, number: usize, options: &[&str]) -> Command {
    let git = repository.command("git").arg("-C").arg(&repository.top);
    let add = git.args(["worktree", "add", "--quiet"]).args(options);
    add.args(["-b", &branch(number)]).arg(tree(repository, number)).arg("origin/main")
}

fn branch(number: usize) -> String {
    format!("agent-{number}")
}

fn tree(repository: &PrivateRepo, number: usize) -> std::path::PathBuf {
    let mut top = repository.top.clone().into_os_string();
    top.push(format!("-{number}"));
    top.into()
}

fn record(measurement: &mut Measurement, fact: Fact<Adds>, runs: &[Output]) {
    let failed = failures(runs).next();
    measurement.set_from(fact, adds(failed.is_some()), failed.unwrap_or(&runs[0]));
}

fn adds(has_failure: bool) -> Adds {
    if has_failure { Adds::SomeFail } else { Adds::NoneFails }
}

/// Examines what the failed command of an agent left.
fn left(repository: &PrivateRepo, number: usize) -> Result<Left, NotMeasured> {
    let list = repository.git(&["branch", "--list", &branch(number)])?;
    let has_branch = !list.stdout_text().is_empty();
    Ok(what_is_left(has_branch, tree(repository, number).exists()))
}

fn what_is_left(has_branch: bool, has_tree: bool) -> Left {
    match (has_branch, has_tree) {
        (_, true) => Left::TreeToo,
        (true, false) => Left::BranchOnly,
        (false, false) => Left::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_without_a_work_tree_is_what_makes_a_retry_fail() {
        assert_eq!(what_is_left(true, false), Left::BranchOnly);
        assert_eq!(what_is_left(true, true), Left::TreeToo);
        assert_eq!(what_is_left(false, false), Left::Nothing);
    }

    #[test]
    fn one_failure_counts() {
        assert_eq!((adds(true), adds(false)), (Adds::SomeFail, Adds::NoneFails));
    }
}
