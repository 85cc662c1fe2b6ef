//! Whether the maintenance that a pull starts in the background keeps the lock after the pull.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::support::private_repo::PrivateRepo;
use super::support::try_lock::{LockState, TryLock, wait_until_free};
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::{command_line, open_files, processes};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// The git command that keeps the lock.
    enum Holder {
        Gc = "gc",
        Maintenance = "maintenance",
        Other = "other",
    }
}

const ENDED: Fact<LockState> = Fact::new("ended");
const UNLOCKED: Fact<LockState> = Fact::new("unlocked");
const CLOSED_IN_PULL: Fact<LockState> = Fact::new("closed-in-pull");
const NOT_DETACHED: Fact<LockState> = Fact::new("not-detached");
const HOLDER: Fact<Holder> = Fact::new("holder");
pub(crate) const FACTS: &[FactDecl] =
    &[ENDED.decl(), UNLOCKED.decl(), CLOSED_IN_PULL.decl(), NOT_DETACHED.decl(), HOLDER.decl()];
/// The facts that have a lock of their name; the last one is measured with the second pull.
const LOCKS: [Fact<LockState>; 4] = [ENDED, UNLOCKED, CLOSED_IN_PULL, NOT_DETACHED];

/// Two commits, each in a pack of its own.
const TWO_PACKS: &str = "commit HEAD
committer doctor <doctor@localhost> 0 +0000
data 5
first
checkpoint
commit HEAD
committer doctor <doctor@localhost> 0 +0000
data 6
second
";
/// Switches off what maintenance does beyond packing, which would only take time. Since git 2.54 it repacks by the
/// strategy "geometric", which does not read gc.autoPackLimit: -1 makes it due, and by that factor two packs are no
/// progression (git-config(1), maintenance.geometric-repack.auto and .splitFactor).
const MINIMAL_MAINTENANCE: &str = "[gc]
\tpackRefs = false
\treflogExpire = never
\treflogExpireUnreachable = never
\tcruftPacks = false
[maintenance \"geometric-repack\"]
\tauto = -1
\tsplitFactor = 100
";
/// A worker that takes three locks. Descriptor 7 is closed for the pull, 8 is unlocked after it, 9 is
/// closed when the worker exits. Maintenance is due, because the limit is one pack and there are two.
const WORKER: &str = r#"cd "$1" || exit
exec 7>.git/closed-in-pull 8>.git/unlocked 9>.git/ended; flock 7; flock 8; flock 9
git -c gc.autoPackLimit=1 pull --quiet --rebase --autostash . HEAD 7>&- && flock -u 8"#;
/// The same pull, with maintenance in the foreground.
const FOREGROUND_PULL: &str = "-c gc.autoPackLimit=1 -c gc.autoDetach=false \
     -c maintenance.autoDetach=false pull --quiet --rebase --autostash . HEAD";
/// The file that git's maintenance reads before it replaces it: a pipe in its place blocks maintenance.
const BLOCKING_PIPE: &str = ".git/info/refs";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let blocked = with_two_packs(context)?;
    let foreground = blocked.copy_as("foreground")?.top;
    fs::create_dir(blocked.top.join(".git/info"))?;
    mkfifo(&blocked.top.join(BLOCKING_PIPE), Mode::S_IRWXU).map_err(std::io::Error::from)?;
    let tops = [&blocked.top, &blocked.top, &blocked.top, &foreground];
    let locks: Vec<PathBuf> =
        tops.into_iter().zip(LOCKS).map(|(top, fact)| top.join(".git").join(fact.name())).collect();
    let locks: Vec<&Path> = locks.iter().map(PathBuf::as_path).collect();

    let detached_pull = blocked.command("sh").args(["-c", WORKER, "sh"]).arg(&blocked.top);
    let detached_pull = detached_pull.start()?;
    let foreground_pull = blocked.command("flock").arg(locks[3]).args(["git", "-C"]);
    let foreground_pull = foreground_pull.arg(&foreground).args(FOREGROUND_PULL.split(' '));
    let foreground_pull = foreground_pull.start()?;
    let (detached_pull, foreground_pull) =
        (wait_success(detached_pull)?, wait_success(foreground_pull)?);
    let attempts = TryLock::each(context, &locks)?;
    if packs(&foreground)? != 1 {
        return Err(NotMeasured::Unmeasured("a pull did not start any maintenance".into()));
    }

    let mut measurement = Measurement::default();
    let pulls = [&detached_pull, &detached_pull, &detached_pull, &foreground_pull];
    for ((fact, state), pull) in LOCKS.into_iter().zip(&attempts.states).zip(pulls) {
        measurement.add_evidence(fact.name(), pull);
        measurement.set_from(fact, *state, &attempts.run);
    }
    if attempts.states[0] == LockState::Held {
        measurement.set(HOLDER, holder(locks[0]));
    }
    // Opening the pipe succeeds once maintenance reads it, which proves that it ran in the background.
    let unblock = context.command("sh").args(["-c", r#": > "$1""#, "sh"]);
    unblock.arg(blocked.top.join(BLOCKING_PIPE)).run()?;
    wait_until_free(context, &locks)?;
    Ok(measurement)
}

/// Returns a repository with two packs.
fn with_two_packs<'a>(context: &'a ProbeContext<'a>) -> Result<PrivateRepo<'a>, NotMeasured> {
    let repo = PrivateRepo::init(context, "background")?;
    let import = repo.command("git").arg("-C").arg(&repo.top);
    let import = import.args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]);
    let mut import = import.piped_stdin().start()?;
    import.write(TWO_PACKS.as_bytes())?;
    let import = import.wait()?;
    if packs(&repo.top)? != 2 {
        return Err(NotMeasured::Unmeasured(format!(
            "git fast-import did not create two packs: {}",
            import.error_summary()
        )));
    }
    let mut config = fs::OpenOptions::new().append(true).open(repo.top.join(".git/config"))?;
    config.write_all(MINIMAL_MAINTENANCE.as_bytes())?;
    Ok(repo)
}

/// Waits for a pull, which must succeed.
fn wait_success(pull: Child) -> Result<Output, NotMeasured> {
    let run = pull.wait()?;
    if run.success() {
        return Ok(run);
    }
    Err(NotMeasured::Unmeasured(format!("a pull failed: {}", run.error_summary())))
}

fn packs(tree: &Path) -> std::io::Result<usize> {
    let names = fs::read_dir(tree.join(".git/objects/pack"))?.flatten();
    Ok(names.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count())
}

/// Returns the git command that has the lock open.
fn holder(lock: &Path) -> Holder {
    let holders = processes().filter(|pid| open_files(*pid).iter().any(|path| path == lock));
    holder_among(holders.map(command_line))
}

/// Takes the commands in the order of their process ids: the first one is the one that detached.
fn holder_among(commands: impl Iterator<Item = Vec<String>>) -> Holder {
    let mut commands = commands.filter_map(|words| words.into_iter().nth(1));
    match commands.next().as_deref() {
        Some("maintenance") => Holder::Maintenance,
        Some("gc") => Holder::Gc,
        _ => Holder::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    #[test]
    fn the_holder_is_the_command_that_detached() {
        for (lines, expected) in [
            (&["/usr/lib/git-core/git gc --auto --quiet", "git repack -d"][..], ("holder", "gc")),
            (&["git maintenance run --auto", "git gc --auto"], ("holder", "maintenance")),
            (&["sh"], ("holder", "other")),
            (&[], ("holder", "other")),
        ] {
            let words = |line: &&str| line.split(' ').map(str::to_owned).collect();
            let found = holder_among(lines.iter().map(words)).as_str();
            assert_eq!((HOLDER.name(), found), expected);
        }
    }
}
