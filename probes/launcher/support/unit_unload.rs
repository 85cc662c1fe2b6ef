use std::time::{Duration, Instant};

use crate::exec::CommandError;
use crate::sandbox::ProbeContext;

/// How long the manager may take to unload a unit that has ended.
const UNLOAD_TIMEOUT: Duration = Duration::from_secs(1);

/// Waits until the manager has unloaded all of these units, for one second at most.
///
/// The manager unloads a unit soon after the unit and the client that waited for it have ended, and
/// sends no event for it. So the state is polled; each poll takes some milliseconds. A unit that is
/// still loaded afterwards is not an error: the caller measures it.
///
/// # Errors
/// When `systemctl` cannot be run.
pub(crate) fn wait_until_unloaded(
    context: &ProbeContext,
    units: &[&str],
) -> Result<(), CommandError> {
    let until = Instant::now() + UNLOAD_TIMEOUT;
    loop {
        let shown = context
            .systemctl()
            .args(["show", "--property=LoadState", "--value", "--"])
            .args(units)
            .run()?;
        let text = shown.stdout_text();
        let unloaded = text.lines().filter(|state| *state == "not-found").count();
        if unloaded == units.len() || Instant::now() > until {
            return Ok(());
        }
    }
}
