use std::collections::HashSet;

use crate::exec::Output;
use crate::host::{Cgroup, ManagerStatus};
use crate::sandbox::ProbeContext;

/// The slices that were active before a probe launched in the operator's slice.
///
/// systemd creates or starts a slice for a scope and leaves it active when the scope has ended: the
/// probe stops those that it caused.
pub(crate) struct SliceSnapshot<'a> {
    context: &'a ProbeContext<'a>,
    /// `None` where nothing has to be stopped, or the active slices are not known.
    active: Option<HashSet<String>>,
}

impl<'a> SliceSnapshot<'a> {
    /// Lists the active slices. If no slice was named, the probe uses one of its own, which is
    /// removed with its other units.
    pub(crate) fn capture(context: &'a ProbeContext) -> Self {
        let is_needed = context.settings.slice.is_some()
            && matches!(context.manager, ManagerStatus::Running { .. });
        Self { context, active: is_needed.then(|| active_slices(context)).flatten() }
    }

    /// Stops the slices around `scope` that were not active before and contain no process now.
    ///
    /// Only the slice is stopped, without the units that depend on it: a scope that was started in
    /// it a moment before keeps running, in the same cgroup with the same limits, and the next
    /// scope starts the slice again (measured on systemd 247 to 262).
    pub(crate) fn stop_new(self, scope: &Cgroup) {
        let Some(active) = self.active else { return };
        let is_populated =
            |slice: &str| scope.ancestor(slice).as_ref().and_then(Cgroup::is_populated);
        let is_new = |slice: &&str| !active.contains(*slice) && is_populated(slice) == Some(false);
        let new: Vec<&str> = scope.user_slices().into_iter().filter(is_new).collect();
        if !new.is_empty() {
            let stop = self.context.systemctl().args(["stop", "--job-mode=ignore-dependencies"]);
            // A failure is ignored: an empty slice does no harm.
            let _ = stop.arg("--").args(new).run();
        }
    }
}

fn active_slices(context: &ProbeContext) -> Option<HashSet<String>> {
    let listed = context
        .systemctl()
        .args(["list-units", "--type=slice", "--state=active", "--plain", "--no-legend", "--full"])
        .run()
        .ok()
        .filter(Output::success)?;
    let units = listed.stdout_text();
    Some(
        units
            .lines()
            .filter_map(|line| Some(line.split_ascii_whitespace().next()?.to_owned()))
            .collect(),
    )
}
