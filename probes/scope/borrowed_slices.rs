use std::collections::HashSet;

use crate::host::{Cgroup, ManagerState};
use crate::sandbox::Sandbox;

/// The slices of the operator's in which a probe launches: those that only became active for it are
/// stopped again.
///
/// A slice that systemd makes or starts for a scope stays active after that scope has ended.
pub struct BorrowedSlices<'a> {
    sandbox: &'a Sandbox<'a>,
    /// The slices that were active before; `None` where nothing needs to be, or can be, given back.
    active: Option<HashSet<String>>,
}

impl<'a> BorrowedSlices<'a> {
    /// Remembers which slices are active. Where no slice was named the probe has one of its own,
    /// which is removed with its other units.
    pub fn remember(sandbox: &'a Sandbox) -> Self {
        let is_needed = sandbox.settings.slice.is_some()
            && matches!(sandbox.manager, ManagerState::Answers { .. });
        Self { sandbox, active: is_needed.then(|| active_slices(sandbox)).flatten() }
    }

    /// Stops the slices around a scope that were not active before and in which nothing lives now.
    ///
    /// Only the slice is stopped, with none of the units that need it: a scope that was started in
    /// it a moment before lives on, in the same cgroup with the same limits, and the next one
    /// starts the slice again (measured on systemd 247 to 262).
    pub fn give_back(self, scope: &Cgroup) {
        let Some(active) = self.active else { return };
        let is_populated =
            |slice: &str| scope.ancestor(slice).and_then(|cgroup| cgroup.is_populated());
        let is_ours = |slice: &&str| !active.contains(*slice) && is_populated(slice) == Some(false);
        let ours: Vec<&str> = scope.user_slices().into_iter().filter(is_ours).collect();
        if !ours.is_empty() {
            let stop = self.sandbox.systemctl().args(["stop", "--job-mode=ignore-dependencies"]);
            // What cannot be stopped stays: an empty slice does no harm.
            let _ = stop.arg("--").args(ours).run();
        }
    }
}

fn active_slices(sandbox: &Sandbox) -> Option<HashSet<String>> {
    let listed = sandbox
        .systemctl()
        .args(["list-units", "--type=slice", "--state=active", "--plain", "--no-legend", "--full"])
        .run()
        .ok()
        .filter(|listed| listed.success())?;
    let units = listed.text();
    Some(
        units
            .lines()
            .filter_map(|line| Some(line.split_ascii_whitespace().next()?.to_owned()))
            .collect(),
    )
}
