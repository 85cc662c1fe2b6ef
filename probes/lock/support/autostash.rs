use std::fs;

use super::private_repo::PrivateRepo;
use crate::fact_values;
use crate::sandbox::{Fact, Measurement, NotMeasured};

fact_values! {
    /// How a pull ends.
    pub(crate) enum PullExit {
        Succeeds = "succeeds",
        Fails = "fails",
    }
}

fact_values! {
    /// Where the uncommitted change is after the conflict.
    pub(crate) enum KeptIn {
        Stash = "stash",
        Nowhere = "nowhere",
    }
}

/// How a pull ends whose autostash conflicts with what it pulled.
pub(crate) const CONFLICT: Fact<PullExit> = Fact::new("autostash-conflict");
/// How the next pull in that work tree ends.
pub(crate) const NEXT_PULL: Fact<PullExit> = Fact::new("after-conflict");
/// Where the change is then.
pub(crate) const KEPT_IN: Fact<KeptIn> = Fact::new("conflicting-change");

/// The pull that agents run.
pub(crate) const PULL: [&str; 3] = ["pull", "--rebase", "--autostash"];
const MINE: &str = "mine\n";

/// Changes a file that the next pull changes too, and then pulls twice. Sets no fact if that makes no conflict.
///
/// # Errors
/// When git is missing.
pub(crate) fn measure_conflict(
    clone: &PrivateRepo,
    file: &str,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    fs::write(clone.top.join(file), MINE)?;
    let pull = || clone.command("git").arg("-C").arg(&clone.top).args(PULL).run();
    let (first, next) = (pull()?, pull()?);
    let unmerged = clone.git(&["ls-files", "--unmerged"])?;
    // Without a conflict the pull failed for another reason, which the other facts show.
    if unmerged.stdout.is_empty() {
        return Ok(());
    }
    measurement.set_from(CONFLICT, exit(first.success()), &first);
    measurement.set_from(NEXT_PULL, exit(next.success()), &next);
    let show = clone.command("git").arg("-C").arg(&clone.top).arg("show");
    let stashed = show.arg(format!("stash@{{0}}:{file}")).run()?;
    let is_kept = stashed.success() && stashed.stdout == MINE.as_bytes();
    measurement.set_from(KEPT_IN, kept_in(is_kept), &stashed);
    Ok(())
}

fn exit(is_success: bool) -> PullExit {
    if is_success { PullExit::Succeeds } else { PullExit::Fails }
}

fn kept_in(is_in_stash: bool) -> KeptIn {
    if is_in_stash { KeptIn::Stash } else { KeptIn::Nowhere }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    #[test]
    fn a_pull_that_reports_its_conflict_is_another_value() {
        assert_eq!((CONFLICT.name(), exit(false).as_str()), ("autostash-conflict", "fails"));
        assert_eq!((NEXT_PULL.name(), exit(true).as_str()), ("after-conflict", "succeeds"));
        assert_eq!((KEPT_IN.name(), kept_in(false).as_str()), ("conflicting-change", "nowhere"));
        assert_eq!(kept_in(true), KeptIn::Stash);
    }
}
