//! Whether the maintenance that a pull starts in the background keeps the lock after the pull.

use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::private_repo::PrivateRepo;
use crate::host::{command_line, open_files, processes};
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// Makes maintenance due: two packs are one too many.
const PULL: &str = "git -c gc.autoPackLimit=1 pull --quiet --rebase --autostash . main";
/// The same, with maintenance in the foreground.
const NOT_DETACHED: &str = "git -c gc.autoPackLimit=1 -c gc.autoDetach=false \
     -c maintenance.autoDetach=false pull --quiet --rebase --autostash . main";
/// Where git's maintenance looks for what it wrote there last: a pipe in its place holds it up.
const HOLD_UP: &str = ".git/info/refs";

/// A pull under the lock, in a work tree of its own.
struct Pull {
    fact: &'static str,
    tree: PathBuf,
    running: Running,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let repo = prototype(sandbox)?;
    let start = |fact: &'static str, pull: &str, is_held_up: bool| -> Result<Pull, Unable> {
        let tree = copy(sandbox, &repo.top, fact)?;
        if is_held_up {
            mkfifo(&tree.join(HOLD_UP), Mode::S_IRWXU).map_err(std::io::Error::from)?;
        }
        let script = format!(r#"cd "$1" || exit; exec 9>.git/pull-lock; flock 9; {pull}"#);
        let running = repo.command("sh").args(["-c", &script, "sh"]).arg(&tree).start()?;
        Ok(Pull { fact, tree, running })
    };
    let pulls = [
        start("ended", PULL, true)?,
        start("unlocked", &format!("{PULL}; flock -u 9"), true)?,
        start("closed-in-pull", &format!("{PULL} 9>&-"), true)?,
        start("not-detached", NOT_DETACHED, false)?,
    ];

    let mut measurement = Measurement::default();
    for Pull { fact, tree, running } in pulls {
        let run = running.wait()?;
        if !run.success() {
            return Err(Unable::Unmeasured(format!("a pull failed: {}", run.errors())));
        }
        let lock = tree.join(".git/pull-lock");
        let attempt = sandbox.command("flock").arg("-n").arg(&lock).arg("true").run()?;
        measurement.evidence.push(run.evidence(fact));
        measurement.fact_from(fact, state(&attempt)?, &attempt);
        if fact == "ended" && state(&attempt)? == "held" {
            measurement.fact("holder", holder(&lock));
        }
        if fact == "not-detached" {
            if packs(&tree)? != 1 {
                return Err(Unable::Unmeasured("a pull did not start any maintenance".into()));
            }
        } else {
            // It opens when maintenance is there and reads: so that did run in the background.
            let release = sandbox.command("sh").args(["-c", r#": > "$1""#, "sh"]);
            release.arg(tree.join(HOLD_UP)).run()?;
        }
        sandbox.command("flock").arg(&lock).arg("true").run()?;
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// A repository with two packs.
fn prototype<'a>(sandbox: &'a Sandbox<'a>) -> Result<PrivateRepo<'a>, Unable> {
    let repo = PrivateRepo::init(sandbox, "prototype")?;
    repo.git(&["repack", "--quiet", "-d"])?;
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=second"])?;
    repo.git(&["repack", "--quiet", "-d"])?;
    std::fs::create_dir_all(repo.top.join(".git/info"))?;
    match std::fs::remove_file(repo.top.join(HOLD_UP)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(repo),
    }
}

fn packs(tree: &Path) -> std::io::Result<usize> {
    let names = std::fs::read_dir(tree.join(".git/objects/pack"))?.flatten();
    Ok(names.filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count())
}

fn copy(sandbox: &Sandbox, from: &Path, name: &str) -> Result<PathBuf, Unable> {
    let to = sandbox.dir().join(name);
    let copied = sandbox.command("cp").arg("-R").arg(from).arg(&to).run()?;
    if copied.success() { Ok(to) } else { Err(Unable::Unmeasured(copied.errors())) }
}

fn state(attempt: &Completed) -> Result<&'static str, Unable> {
    match attempt.exit() {
        Some(0) => Ok("free"),
        // flock(1), --conflict-exit-code
        Some(1) if attempt.errors().is_empty() => Ok("held"),
        _ => Err(Unable::Unmeasured(attempt.errors())),
    }
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
