use super::task_limits::LimitKind;
use crate::fact_values;
use crate::host::Cgroup;
use crate::host::cgroup_usage::keyed;

/// The bytes of a MiB.
const MIB: u64 = 1 << 20;

fact_values! {
    /// How the memory in use compares with a limit, the worst first.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum MemoryHeadroom {
        Tight = "tight",
        Throttled = "throttled",
        Enough = "enough",
    }
}

/// A limit on the memory of a cgroup, and how much of it is in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryLimit {
    /// What it belongs to.
    pub(crate) kind: LimitKind,
    /// The unit that has the cgroup.
    pub(crate) unit: String,
    /// The property of the unit: `MemoryMax` or `MemoryHigh`.
    pub(crate) property: &'static str,
    /// In bytes.
    limit: u64,
    /// In bytes, without the page cache, which the kernel drops before it enforces a limit.
    used: u64,
}

impl MemoryLimit {
    /// Returns the limits of a cgroup; none without the memory controller.
    pub(crate) fn of_cgroup(cgroup: &Cgroup, kind: LimitKind) -> Vec<Self> {
        let used = cgroup
            .number("memory.current")
            .zip(cgroup.read("memory.stat"))
            .and_then(|(current, stat)| without_page_cache(current, &stat));
        let (Some(used), Some(unit)) = (used, cgroup.units().last()) else { return Vec::new() };
        let limit = |property, file| {
            let limit = cgroup.number(file)?;
            Some(Self { kind, unit: unit.to_owned(), property, limit, used })
        };
        let limits = [limit("MemoryMax", "memory.max"), limit("MemoryHigh", "memory.high")];
        limits.into_iter().flatten().collect()
    }

    /// Returns the limit that is nearest, or most exceeded.
    pub(crate) fn tightest(limits: &[Self]) -> Option<&Self> {
        limits.iter().min_by_key(|limit| (limit.headroom(), limit.limit.saturating_sub(limit.used)))
    }

    /// At `MemoryMax` the kernel kills; above `MemoryHigh` it slows down (Linux,
    /// Documentation/admin-guide/cgroup-v2.rst, "Memory Interface Files").
    pub(crate) fn headroom(&self) -> MemoryHeadroom {
        match self.property {
            "MemoryMax" if self.used >= self.limit / 10 * 9 => MemoryHeadroom::Tight,
            // The kernel keeps what is throttled near the limit.
            "MemoryHigh" if self.used >= self.limit / 100 * 99 => MemoryHeadroom::Throttled,
            _ => MemoryHeadroom::Enough,
        }
    }

    pub(crate) fn limit_mib(&self) -> u64 {
        self.limit / MIB
    }

    pub(crate) fn used_mib(&self) -> u64 {
        self.used / MIB
    }

    /// Returns the property with twice the memory, in whole MiB.
    pub(crate) fn doubled(&self) -> String {
        format!("{}={}M", self.property, (self.limit / MIB).saturating_mul(2).max(2))
    }
}

/// Subtracts the page cache but what is in shared memory, which is not backed by a file.
fn without_page_cache(current: u64, stat: &str) -> Option<u64> {
    Some(current.saturating_sub(keyed(stat, "file")?.saturating_sub(keyed(stat, "shmem")?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(property: &'static str, limit: u64, used: u64) -> MemoryLimit {
        MemoryLimit { kind: LimitKind::Slice, unit: "a.slice".into(), property, limit, used }
    }

    #[test]
    fn page_cache_does_not_count_and_shared_memory_does() {
        let stat = "anon 40\nfile 50\nkernel 5\nshmem 20\n";
        assert_eq!(without_page_cache(100, stat), Some(70));
        assert_eq!(without_page_cache(100, "anon 40\n"), None);
    }

    #[test]
    fn what_kills_is_worse_than_what_slows_down() {
        let near = limit("MemoryMax", 1000, 900);
        let above = limit("MemoryHigh", 500, 900);
        let far = limit("MemoryMax", 5000, 900);
        assert_eq!(near.headroom(), MemoryHeadroom::Tight);
        assert_eq!(above.headroom(), MemoryHeadroom::Throttled);
        assert_eq!(far.headroom(), MemoryHeadroom::Enough);
        assert_eq!(limit("MemoryHigh", 1000, 900).headroom(), MemoryHeadroom::Enough);
        let limits = [far, above, near.clone()];
        assert_eq!(MemoryLimit::tightest(&limits), Some(&near));
        assert_eq!(MemoryLimit::tightest(&[]), None);
    }

    #[test]
    fn the_fix_doubles_a_limit_in_whole_mib() {
        assert_eq!(limit("MemoryMax", 60 * MIB + 5, 0).doubled(), "MemoryMax=120M");
        assert_eq!(limit("MemoryHigh", 100, 0).doubled(), "MemoryHigh=2M");
    }
}
