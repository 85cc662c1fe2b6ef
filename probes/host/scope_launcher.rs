use super::{Cgroup, Owner, OwnerEvidence, OwnerKind, ProcessTable};

/// Returns the owner of a scope that is the process that launched it, with its unit if it is in one. `None` if the
/// process has ended, so that the kernel gave its children to a manager or to init, or if `is_none` says that it is not one.
pub(super) fn launcher(
    members: &[u32],
    table: &ProcessTable,
    is_none: impl Fn(u32) -> bool,
) -> Option<Owner> {
    let parents = members.iter().filter_map(|pid| Some(table.get(*pid)?.parent));
    let mut launchers =
        parents.filter(|parent| *parent != 1 && !members.contains(parent) && !is_none(*parent));
    let unit = launchers.find_map(|parent| {
        if parent == 0 {
            // It is in another process-id namespace.
            return Some(String::new());
        }
        let cgroup = Cgroup::of_pid(parent).ok()?;
        (cgroup.unit() != Some("init.scope")).then(|| cgroup.unit().unwrap_or_default().to_owned())
    })?;
    let owner = Owner::without_pane(OwnerKind::Launcher, OwnerEvidence::LauncherUnit);
    Some(Owner { unit: Some(unit).filter(|unit| !unit.is_empty()), ..owner })
}
