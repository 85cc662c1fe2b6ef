use std::time::{Duration, Instant};

use crate::sandbox::{CommandError, Sandbox};

/// How long the manager may take to forget a unit that has ended.
const PATIENCE: Duration = Duration::from_secs(1);

/// Waits until the manager has forgotten all of these units, one second at the most.
///
/// It does so soon after the end of a unit and of the client that waited for it, and tells nobody:
/// one can only look, which takes some milliseconds each time. A unit that stays is for the caller
/// to find out.
///
/// # Errors
/// When `systemctl` cannot be run.
pub fn wait_for(sandbox: &Sandbox, units: &[&str]) -> Result<(), CommandError> {
    let until = Instant::now() + PATIENCE;
    loop {
        let shown = sandbox
            .systemctl()
            .args(["show", "--property=LoadState", "--value", "--"])
            .args(units)
            .run()?;
        let text = shown.text();
        let forgotten = text.lines().filter(|state| *state == "not-found").count();
        if forgotten == units.len() || Instant::now() > until {
            return Ok(());
        }
    }
}
