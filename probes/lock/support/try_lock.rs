use std::fs::File;
use std::path::Path;

use nix::fcntl::{Flock, FlockArg};

use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{FactValues, NotMeasured, ProbeContext};

/// Tries each lock without waiting, releases it, and prints the exit status of the attempt.
const TRY_EACH: &str = r#"for lock; do flock -n 9 9>"$lock"; echo $?; done"#;

/// The probe's own locks, named after the state in which `flock` must find them.
const CONTROLS: [LockState; 2] = [LockState::Free, LockState::Held];

fact_values! {
    /// The state in which a lock was found.
    pub(crate) enum LockState {
        Held = "held",
        Free = "free",
    }
}

/// One attempt at each of several locks.
pub(crate) struct TryLock {
    /// The state of each, in the order in which they were given.
    pub(crate) states: Vec<LockState>,
    /// The command that tried them all.
    pub(crate) run: Output,
}

impl TryLock {
    /// Tries each of the locks, and with them one that is free and one that the probe itself holds:
    /// with a `flock` that does not lock, every lock would look free.
    ///
    /// # Errors
    /// When `flock` misreports one of the two, or does not report each lock.
    pub(crate) fn each(context: &ProbeContext, locks: &[&Path]) -> Result<Self, NotMeasured> {
        let controls = CONTROLS.map(|state| context.dir().join(state.as_str()));
        let file = File::create(&controls[1])?;
        let _held = Flock::lock(file, FlockArg::LockExclusiveNonblock)
            .map_err(|(_, error)| std::io::Error::from(error))?;
        let command = context.command("sh").args(["-c", TRY_EACH, "sh"]);
        let run = command.args(locks).args(&controls).run()?;
        let states: Option<Vec<_>> = run.stdout_text().lines().map(state).collect();
        let mut states = states.filter(|_| run.stderr_text().is_empty()).unwrap_or_default();
        if states.len() == locks.len() + CONTROLS.len() && states[locks.len()..] == CONTROLS {
            states.truncate(locks.len());
            return Ok(Self { states, run });
        }
        Err(NotMeasured::Unmeasured(format!(
            "flock does not distinguish a held lock from a free one: {}; {}",
            run.stdout_text().replace('\n', " "),
            run.error_summary()
        )))
    }
}

/// Checks that `flock` locks, for a probe in which nothing else would show it.
///
/// # Errors
/// When it does not.
pub(crate) fn require_flock(context: &ProbeContext) -> Result<(), NotMeasured> {
    TryLock::each(context, &[]).map(drop)
}

/// Waits until each of the locks is free.
///
/// # Errors
/// When one is still held at the deadline.
pub(crate) fn wait_until_free(context: &ProbeContext, locks: &[&Path]) -> Result<(), NotMeasured> {
    let flocks = locks.iter().flat_map(|lock| [Path::new("flock"), lock]);
    context.command("true").wrapped_in(flocks).run()?;
    Ok(())
}

/// Returns what the exit status of `flock -n` says about a lock.
fn state(status: &str) -> Option<LockState> {
    match status {
        "0" => Some(LockState::Free),
        // flock(1), --conflict-exit-code
        "1" => Some(LockState::Held),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_conflict_means_that_a_lock_is_held() {
        use LockState::{Free, Held};
        assert_eq!(["0", "1", "65", ""].map(state), [Some(Free), Some(Held), None, None]);
    }
}
