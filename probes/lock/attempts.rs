use std::fs::File;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::Unable;
use crate::sandbox::{Completed, Sandbox};

/// Tries each lock without waiting, does not keep it, and tells how that went.
const TRY_EACH: &str = r#"for lock; do flock -n 9 9>"$lock"; echo $?; done"#;

/// The locks of the probe's own, by their states.
const CONTROLS: [&str; 2] = ["free", "held"];

/// One attempt at each of several locks.
pub struct Attempts {
    /// The state in which each was found, in the word of the cards.
    pub states: Vec<&'static str>,
    /// The command that tried them all.
    pub run: Completed,
}

impl Attempts {
    /// Tries each of the locks, and beside them one that is free and one that the probe itself holds:
    /// a `flock` that does not lock would make findings of everything.
    ///
    /// # Errors
    /// When one can be neither had nor found to be held.
    pub fn at(sandbox: &Sandbox, locks: &[&Path]) -> Result<Self, Unable> {
        let controls = CONTROLS.map(|name| sandbox.dir().join(name));
        let file = File::create(&controls[1])?;
        let _held = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| std::io::Error::from(error))?;
        let command = sandbox.command("sh").args(["-c", TRY_EACH, "sh"]);
        let run = command.args(locks).args(&controls).run()?;
        let states: Option<Vec<_>> = run.text().lines().map(state).collect();
        let mut states = states.filter(|_| run.errors().is_empty()).unwrap_or_default();
        if states.len() == locks.len() + CONTROLS.len() && states[locks.len()..] == CONTROLS {
            states.truncate(locks.len());
            return Ok(Self { states, run });
        }
        Err(Unable::Unmeasured(format!(
            "flock does not tell a lock that is held from one that is free: {}; {}",
            run.text().replace('\n', " "),
            run.failure()
        )))
    }
}

/// Makes sure that `flock` locks, where nothing else would show it.
///
/// # Errors
/// When it does not.
pub fn require_flock(sandbox: &Sandbox) -> Result<(), Unable> {
    Attempts::at(sandbox, &[]).map(drop)
}

/// Waits until nobody has any of the locks.
///
/// # Errors
/// When somebody has at the deadline.
pub fn await_free(sandbox: &Sandbox, locks: &[&Path]) -> Result<(), Unable> {
    let takers = locks.iter().flat_map(|lock| [Path::new("flock"), lock]);
    sandbox.command("true").behind(takers).run()?;
    Ok(())
}

/// What the exit status of `flock -n` says of a lock.
fn state(status: &str) -> Option<&'static str> {
    match status {
        "0" => Some("free"),
        // flock(1), --conflict-exit-code
        "1" => Some("held"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_conflict_shows_a_lock_that_is_held() {
        assert_eq!(["0", "1", "65", ""].map(state), [Some("free"), Some("held"), None, None]);
    }
}
