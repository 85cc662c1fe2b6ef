//! Whether the maintenance that a pull starts in the background keeps the lock after the pull.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::attempts::{Attempts, await_free};
use super::private_repo::PrivateRepo;
use crate::host::{command_line, open_files, processes};
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

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
/// What maintenance does beside packing would only take time.
const LITTLE_MAINTENANCE: &str = "[gc]
\tpackRefs = false
\treflogExpire = never
\treflogExpireUnreachable = never
\tcruftPacks = false
";
/// A worker that takes a lock by each of three descriptors. The first the pull does not get, the
/// second is let go after the pull, the third goes with the worker. Maintenance is due, because two
/// packs are one too many.
const WORKER: &str = r#"cd "$1" || exit
exec 7>.git/closed-in-pull 8>.git/unlocked 9>.git/ended; flock 7; flock 8; flock 9
git -c gc.autoPackLimit=1 pull --quiet --rebase --autostash . HEAD 7>&- && flock -u 8"#;
/// The same pull, with maintenance in the foreground.
const NOT_DETACHED: &str = "-c gc.autoPackLimit=1 -c gc.autoDetach=false \
     -c maintenance.autoDetach=false pull --quiet --rebase --autostash . HEAD";
/// The facts, each of which has a lock of its name; the last is the one of the second pull.
const FACTS: [&str; 4] = ["ended", "unlocked", "closed-in-pull", "not-detached"];
/// Where git's maintenance looks for what it wrote there last: a pipe in its place holds it up.
const HOLD_UP: &str = ".git/info/refs";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let held_up = with_two_packs(sandbox)?;
    let not_held_up = held_up.copy_as("foreground")?;
    fs::create_dir(held_up.top.join(".git/info"))?;
    mkfifo(&held_up.top.join(HOLD_UP), Mode::S_IRWXU).map_err(std::io::Error::from)?;
    let tops = [&held_up.top, &held_up.top, &held_up.top, &not_held_up];
    let locks: Vec<PathBuf> =
        tops.into_iter().zip(FACTS).map(|(top, fact)| top.join(".git").join(fact)).collect();
    let locks: Vec<&Path> = locks.iter().map(PathBuf::as_path).collect();

    let background = held_up.command("sh").args(["-c", WORKER, "sh"]).arg(&held_up.top).start()?;
    let foreground = held_up.command("flock").arg(locks[3]).args(["git", "-C"]).arg(&not_held_up);
    let foreground = foreground.args(NOT_DETACHED.split(' ')).start()?;
    let (background, foreground) = (pulled(background)?, pulled(foreground)?);
    let attempts = Attempts::at(sandbox, &locks)?;
    if packs(&not_held_up)? != 1 {
        return Err(Unable::Unmeasured("a pull did not start any maintenance".into()));
    }

    let mut measurement = Measurement::default();
    let pulls = [&background, &background, &background, &foreground];
    for ((fact, state), pull) in FACTS.into_iter().zip(&attempts.states).zip(pulls) {
        measurement.evidence.push(pull.evidence(fact));
        measurement.fact_from(fact, state, &attempts.run);
    }
    if measurement.facts["ended"] == "held" {
        measurement.fact("holder", holder(locks[0]));
    }
    // It opens when maintenance is there and reads: so that did run in the background.
    let release = sandbox.command("sh").args(["-c", r#": > "$1""#, "sh"]);
    release.arg(held_up.top.join(HOLD_UP)).run()?;
    await_free(sandbox, &locks)?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// A repository with two packs.
fn with_two_packs<'a>(sandbox: &'a Sandbox<'a>) -> Result<PrivateRepo<'a>, Unable> {
    let repo = PrivateRepo::init(sandbox, "background")?;
    let import = repo.command("git").arg("-C").arg(&repo.top);
    let import = import.args(["-c", "fastimport.unpackLimit=0", "fast-import", "--quiet"]);
    let mut import = import.with_input().start()?;
    import.write(TWO_PACKS.as_bytes())?;
    let import = import.wait()?;
    if packs(&repo.top)? != 2 {
        return Err(Unable::Unmeasured(format!("no two packs were made: {}", import.failure())));
    }
    let mut config = fs::OpenOptions::new().append(true).open(repo.top.join(".git/config"))?;
    config.write_all(LITTLE_MAINTENANCE.as_bytes())?;
    Ok(repo)
}

/// Waits for a pull, which must succeed.
fn pulled(pull: Running) -> Result<Completed, Unable> {
    let run = pull.wait()?;
    if run.success() {
        return Ok(run);
    }
    Err(Unable::Unmeasured(format!("a pull failed: {}", run.failure())))
}

fn packs(tree: &Path) -> std::io::Result<usize> {
    let names = fs::read_dir(tree.join(".git/objects/pack"))?.flatten();
    Ok(names.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count())
}

/// Which command of git's has the lock open.
fn holder(lock: &Path) -> &'static str {
    let holders = processes().filter(|pid| open_files(*pid).iter().any(|path| path == lock));
    holder_among(holders.map(command_line))
}

/// The commands are in the order of their process ids: the first one detached itself.
fn holder_among(commands: impl Iterator<Item = Vec<String>>) -> &'static str {
    let mut commands = commands.filter_map(|words| words.into_iter().nth(1));
    match commands.next().as_deref() {
        Some("maintenance") => "maintenance",
        Some("gc") => "gc",
        _ => "other",
    }
}

fn summary(measurement: &Measurement) -> String {
    let of = |fact: &str| measurement.facts.get(fact).map_or("not known", String::as_str);
    format!(
        "a pull has returned and its maintenance goes on: the lock is {} (by git {}), {} after \
         flock -u, {} when the pull had 9>&-; with maintenance in the foreground it is {}",
        of("ended"),
        of("holder"),
        of("unlocked"),
        of("closed-in-pull"),
        of("not-detached"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_what_detached_itself() {
        let of = |lines: &[&str]| {
            let words = |line: &&str| line.split(' ').map(str::to_owned).collect();
            holder_among(lines.iter().map(words))
        };
        assert_eq!(of(&["/usr/lib/git-core/git gc --auto --quiet", "git repack -d"]), "gc");
        assert_eq!(of(&["git maintenance run --auto", "git gc --auto"]), "maintenance");
        assert_eq!(of(&["sh"]), "other");
        assert_eq!(of(&[]), "other");
    }
}
