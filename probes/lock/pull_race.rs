//! How six concurrent `git pull --rebase --autostash` end in one work tree, under a lock, and in linked
//! work trees of one repository.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::support::at_once::{failures, run_at_once};
use super::support::autostash::{CONFLICT, KEPT_IN, NEXT_PULL, PULL, measure_conflict};
use super::support::private_repo::PrivateRepo;
use super::support::pull_error::PullError;
use super::support::try_lock::require_flock;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether all concurrent pulls succeeded.
    enum Pulls {
        SomeFail = "some-fail",
        NoneFails = "none-fails",
    }
}

fact_values! {
    /// How the failed pulls ended when they were repeated, again all at once.
    enum Retry {
        AllSucceed = "all-succeed",
        SomeSucceed = "some-succeed",
        NoneSucceeds = "none-succeeds",
    }
}

fact_values! {
    /// What the pulls reported that got the lock after the first one.
    enum LaterPulls {
        UpToDate = "up-to-date",
        Other = "other",
    }
}

fact_values! {
    /// How long all pulls took under the lock, compared with the first of them.
    enum QueueTime {
        OnePull = "one-pull",
        SeveralPulls = "several-pulls",
    }
}

fact_values! {
    /// The state in which the pulls left the work tree.
    enum TreeState {
        Updated = "updated",
        NotUpdated = "not-updated",
        MidRebase = "mid-rebase",
        ChangeMissing = "change-missing",
    }
}

const UNLOCKED: Fact<Pulls> = Fact::new("unlocked");
const LOCKED: Fact<Pulls> = Fact::new("locked");
const MESSAGE: Fact<PullError> = Fact::new("message");
const TREE: Fact<TreeState> = Fact::new("tree");
const TREE_LOCKED: Fact<TreeState> = Fact::new("tree-locked");
const RETRY: Fact<Retry> = Fact::new("retry");
const LATER_PULLS: Fact<LaterPulls> = Fact::new("later-pulls");
const QUEUE_TIME: Fact<QueueTime> = Fact::new("queue-time");
const LINKED_TREES: Fact<Pulls> = Fact::new("linked-trees");
pub(crate) const FACTS: &[FactDecl] = &[
    UNLOCKED.decl(),
    LOCKED.decl(),
    MESSAGE.decl(),
    TREE.decl(),
    TREE_LOCKED.decl(),
    RETRY.decl(),
    LATER_PULLS.decl(),
    QUEUE_TIME.decl(),
    LINKED_TREES.decl(),
    CONFLICT.decl(),
    NEXT_PULL.decl(),
    KEPT_IN.decl(),
];

const PULLS: usize = 6;
/// Linked work trees, which cost a checkout each.
const LINKED: usize = 3;
/// How often six unlocked pulls are tried while, by chance, none of them fails.
const MAX_ROUNDS: usize = 3;
/// Runs a command and then prints when it began and ended, in seconds since boot (resolution: 10 ms).
const TIMED: &str = r#"read -r start rest </proc/uptime; "$@"; status=$?
read -r end rest </proc/uptime; echo "time $start $end"; exit $status"#;
/// The uncommitted change in the work tree, and the change to another file that is pulled.
const CHANGE: &str = "changed\n";
const NEWS: &str = "new\n";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    require_flock(context)?;
    let clone = diverged_clone(context)?;
    let in_tree = |top: &Path| clone.command("git").arg("-C").arg(top).args(PULL);
    let mut round = 0;
    let (unlocked, tree) = loop {
        let tree = clone.copy_as(&format!("unlocked-{round}"))?.top;
        let runs = run_at_once((0..PULLS).map(|_| in_tree(&tree)))?;
        round += 1;
        if failures(&runs).next().is_some() || round == MAX_ROUNDS {
            break (runs, tree);
        }
    };
    let mut measurement = Measurement::default();
    record(&mut measurement, UNLOCKED, &unlocked);
    measurement.set(TREE, tree_state(&tree));
    let errors: Vec<PullError> =
        failures(&unlocked).map(|run| PullError::of(&run.stderr_text())).collect();
    if let Some(error) = errors.iter().min() {
        measurement.set(MESSAGE, *error);
        let retries = run_at_once(errors.iter().map(|_| in_tree(&tree)))?;
        measurement.set_from(RETRY, retry(&retries), &retries[0]);
    }
    measurement.detail("failed", errors.len().to_string());
    measurement.detail("messages", PullError::counts(&errors));

    let repository = clone.copy_as("linked")?;
    let trees = (0..LINKED).map(|number| repository.add_work_tree(&format!("linked-{number}")));
    let trees: Vec<PathBuf> = trees.collect::<Result<_, _>>()?;
    // A detached HEAD has no upstream, so the branch is named.
    let linked = trees.iter().map(|top| in_tree(top).args(["origin", "main"]));
    let linked = run_at_once(linked)?;
    record(&mut measurement, LINKED_TREES, &linked);
    measurement.detail("linked", LINKED.to_string());
    measurement.detail("failed-linked", failures(&linked).count().to_string());

    measure_conflict(&clone.copy_as("autostash")?, "news", &mut measurement)?;

    let lock = clone.top.join(".git/pull-lock");
    let locked = (0..PULLS).map(|_| {
        let timed = in_tree(&clone.top).wrapped_in(["sh", "-c", TIMED, "sh"]);
        timed.wrapped_in([Path::new("flock"), &lock])
    });
    let locked = run_at_once(locked)?;
    record(&mut measurement, LOCKED, &locked);
    measurement.set(TREE_LOCKED, tree_state(&clone.top));
    measurement.set_from(LATER_PULLS, later_pulls(&locked), &locked[0]);
    if let Some(times) = QueueTimes::of(&locked) {
        measurement.set(QUEUE_TIME, times.compare());
        measurement.detail("first-ms", times.first.as_millis().to_string());
        measurement.detail("queue-ms", times.all.as_millis().to_string());
    }
    measurement.detail("failed-locked", failures(&locked).count().to_string());
    Ok(measurement)
}

fn record(measurement: &mut Measurement, fact: Fact<Pulls>, runs: &[Output]) {
    let failed = failures(runs).next();
    let value = if failed.is_some() { Pulls::SomeFail } else { Pulls::NoneFails };
    measurement.set_from(fact, value, failed.unwrap_or(&runs[0]));
}

fn retry(runs: &[Output]) -> Retry {
    match failures(runs).count() {
        0 => Retry::AllSucceed,
        failed if failed == runs.len() => Retry::NoneSucceeds,
        _ => Retry::SomeSucceed,
    }
}

/// Git prints `Already up to date.` or, where the branch has a commit of its own, `Current branch main
/// is up to date.` (builtin/merge.c and builtin/rebase.c).
fn later_pulls(runs: &[Output]) -> LaterPulls {
    let up_to_date = |run: &&Output| run.stdout_text().contains("up to date");
    if runs.iter().filter(up_to_date).count() + 1 == runs.len() {
        LaterPulls::UpToDate
    } else {
        LaterPulls::Other
    }
}

/// The time of the first pull under the lock, and from its start to the end of the last one.
#[derive(Debug, PartialEq, Eq)]
struct QueueTimes {
    first: Duration,
    all: Duration,
}

impl QueueTimes {
    /// Reads the line that `TIMED` adds to each output; `None` if no pull got the lock.
    fn of(runs: &[Output]) -> Option<Self> {
        let times = runs.iter().filter_map(|run| {
            let text = run.stdout_text();
            let (start, end) = text.lines().last()?.strip_prefix("time ")?.split_once(' ')?;
            let seconds = |text: &str| Duration::try_from_secs_f64(text.parse::<f64>().ok()?).ok();
            Some((seconds(start)?, seconds(end)?))
        });
        let times: Vec<_> = times.collect();
        let (start, first_end) = times.iter().min()?;
        let last_end = times.iter().map(|(_, end)| end).max()?;
        Some(Self { first: first_end.saturating_sub(*start), all: last_end.saturating_sub(*start) })
    }

    fn compare(&self) -> QueueTime {
        if self.all < 2 * self.first { QueueTime::OnePull } else { QueueTime::SeveralPulls }
    }
}

/// Returns a clone that is one commit behind its remote, and has one commit of its own and an
/// uncommitted change.
fn diverged_clone<'a>(context: &'a ProbeContext<'a>) -> Result<PrivateRepo<'a>, NotMeasured> {
    let remote = PrivateRepo::init(context, "remote")?;
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

fn tree_state(top: &Path) -> TreeState {
    let exists = |name: &str| top.join(".git").join(name).exists();
    let holds =
        |name: &str, text: &str| fs::read_to_string(top.join(name)).is_ok_and(|read| read == text);
    if exists("rebase-merge") || exists("rebase-apply") {
        TreeState::MidRebase
    } else if !holds("file", CHANGE) {
        TreeState::ChangeMissing
    } else if holds("news", NEWS) {
        TreeState::Updated
    } else {
        TreeState::NotUpdated
    }
}
