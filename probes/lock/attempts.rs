use std::path::Path;

use crate::Unable;
use crate::sandbox::{Completed, Sandbox};

/// Tries each lock without waiting, does not keep it, and tells how that went.
const TRY_EACH: &str = r#"for lock; do flock -n 9 9>"$lock"; echo $?; done"#;

/// One attempt at each of several locks.
pub struct Attempts {
    /// The state in which each was found, in the word of the cards.
    pub states: Vec<&'static str>,
    /// The command that tried them all.
    pub run: Completed,
}

impl Attempts {
    /// Tries each of the locks.
    ///
    /// # Errors
    /// When one can be neither had nor found to be held.
    pub fn at(sandbox: &Sandbox, locks: &[&Path]) -> Result<Self, Unable> {
        let run = sandbox.command("sh").args(["-c", TRY_EACH, "sh"]).args(locks).run()?;
        let states: Option<Vec<_>> = run.text().lines().map(state).collect();
        match states {
            Some(states) if states.len() == locks.len() && run.errors().is_empty() => {
                Ok(Self { states, run })
            }
            _ => Err(Unable::Unmeasured(run.errors())),
        }
    }
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
