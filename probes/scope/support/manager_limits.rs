use std::os::unix::ffi::OsStrExt;

use super::availability::{AVAILABLE, Availability};
use super::slice_name_syntax::to_unit_name;
use crate::host::{Cgroup, FreeSpace, UnitProperties, User};
use crate::sandbox::{Measurement, NotMeasured, ProbeContext};

/// What a transient unit needs in the runtime directory: a file, its directory and those of its settings.
const NEEDED_INODES: u64 = 4;
/// The same in bytes: a page each.
const NEEDED_BYTES: u64 = NEEDED_INODES * 4096;

/// Returns the limit that keeps a running user manager from starting any unit, if one is reached.
pub(crate) fn reached_limit(
    context: &ProbeContext,
    user: &User,
    measurement: &mut Measurement,
) -> Result<Option<Availability>, NotMeasured> {
    let (manager, run) = UnitProperties::read(context.systemctl(), &[], &["SystemState"])?;
    measurement.add_evidence(AVAILABLE.name(), &run);
    if manager[0].get("SystemState") == "stopping" {
        return Ok(Some(Availability::UserManagerStopping));
    }
    Ok(full_runtime_dir(user, measurement).or_else(|| cgroup_limit(context, user, measurement)))
}

fn full_runtime_dir(user: &User, measurement: &mut Measurement) -> Option<Availability> {
    let space = FreeSpace::at(&user.runtime_dir()).ok()?;
    let lacks_bytes = space.bytes.is_some_and(|bytes| bytes < NEEDED_BYTES);
    let lacks_inodes = space.inodes.is_some_and(|inodes| inodes < NEEDED_INODES);
    if !lacks_bytes && !lacks_inodes {
        return None;
    }
    let what = if lacks_bytes { "bytes" } else { "inodes" };
    measurement.detail("lacking", what);
    measurement.detail("full-size", format!("{} KiB", space.size / 1024));
    measurement.detail("inodes", space.inode_count.to_string());
    let doubled = |number: u64, least: u64| number.saturating_mul(2).max(least).to_string();
    measurement.detail("more-bytes", doubled(space.size, 1 << 20));
    measurement.detail("more-inodes", doubled(space.inode_count, 1000));
    Some(Availability::RuntimeDirFull)
}

/// Finds a limit of cgroups that allows no further one for a scope in the slice.
fn cgroup_limit(
    context: &ProbeContext,
    user: &User,
    measurement: &mut Measurement,
) -> Option<Availability> {
    let manager = Cgroup::of_manager(context.settings.manager, user.uid);
    // A slice is below a slice for each dash in its name, and the scope is below that.
    let slice = to_unit_name(&context.slice());
    let below_manager = slice.as_bytes().split(|byte| *byte == b'-').count() + 1;
    let mut levels = manager.lineage().zip(below_manager..);
    levels.find_map(|(cgroup, depth)| {
        let limit = |name: &str| cgroup.read(name)?.parse::<usize>().ok();
        let has = cgroup.read("cgroup.stat").and_then(|stat| descendants(&stat));
        let reached = [
            ("cgroup.max.descendants", limit("cgroup.max.descendants").zip(has), 0),
            ("cgroup.max.depth", limit("cgroup.max.depth").map(|limit| (limit, depth)), 1),
        ];
        reached.into_iter().find_map(|(file, values, least)| {
            let (limit, value) = values.filter(|(limit, value)| *value >= limit + least)?;
            measurement.detail("cgroup-file", cgroup.file(file).display().to_string());
            measurement.detail("cgroup-limit", limit.to_string());
            measurement.detail("cgroup-value", value.to_string());
            Some(Availability::CgroupLimit)
        })
    })
}

fn descendants(cgroup_stat: &str) -> Option<usize> {
    cgroup_stat.lines().find_map(|line| line.strip_prefix("nr_descendants ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_descendants_is_parsed() {
        assert_eq!(descendants("nr_descendants 4\nnr_dying_descendants 1\n"), Some(4));
        assert_eq!(descendants("nr_dying_descendants 1\n"), None);
    }
}
