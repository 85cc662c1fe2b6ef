use super::Cgroup;

/// What a cgroup uses, as the kernel counts it (Linux, cgroup-v2.rst). Without a controller its figures are `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CgroupUsage {
    /// Processor time in microseconds. It needs no controller.
    pub cpu_usec: Option<u64>,
    /// Memory in bytes, the page cache included.
    pub memory_bytes: Option<u64>,
    /// How much of it is page cache that has not been used lately and that the kernel frees first.
    pub reclaimable_bytes: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Whether the kernel keeps its processes from running.
    pub is_frozen: bool,
}

/// What a cgroup may use; `None` where it has no limit, or no controller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CgroupLimits {
    /// Processes and threads (`pids.max`).
    pub tasks: Option<u64>,
    /// Memory in bytes above which the kernel kills (`memory.max`).
    pub memory_max: Option<u64>,
    /// Memory in bytes above which the kernel throttles (`memory.high`).
    pub memory_high: Option<u64>,
    /// The share of processor time, 100 by default (`cpu.weight`).
    pub cpu_weight: Option<u64>,
}

impl CgroupUsage {
    /// Reads what a slice uses, and how much of its memory is cache.
    pub fn of_slice(cgroup: &Cgroup) -> Self {
        let events = cgroup.read("cgroup.events").unwrap_or_default();
        let stat = cgroup.read("memory.stat").unwrap_or_default();
        Self {
            cpu_usec: cgroup.read("cpu.stat").and_then(|text| keyed(&text, "usage_usec")),
            memory_bytes: cgroup.number("memory.current"),
            reclaimable_bytes: keyed(&stat, "inactive_file"),
            tasks: cgroup.number("pids.current"),
            is_frozen: keyed(&events, "frozen") == Some(1),
        }
    }
}

impl CgroupLimits {
    /// Reads the limits of a cgroup.
    pub fn of(cgroup: &Cgroup) -> Self {
        Self {
            tasks: cgroup.number("pids.max"),
            memory_max: cgroup.number("memory.max"),
            memory_high: cgroup.number("memory.high"),
            cpu_weight: cgroup.number("cpu.weight"),
        }
    }
}

/// Parses the number of a key in a file with a line `KEY NUMBER` for each.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?;
    rest.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_key_is_parsed() {
        let text = "usage_usec 12\nusage 3\nfrozen 1\nbad x\n";
        assert_eq!(keyed(text, "usage"), Some(3));
        assert_eq!(keyed(text, "usage_usec"), Some(12));
        assert_eq!(keyed(text, "bad"), None);
        assert_eq!(keyed(text, "none"), None);
    }

    #[test]
    fn a_cgroup_that_is_missing_has_no_figures() {
        let cgroup = Cgroup::from_path("/no/such");
        assert_eq!(CgroupUsage::of_slice(&cgroup), CgroupUsage::default());
        assert_eq!(CgroupLimits::of(&cgroup), CgroupLimits::default());
    }
}
