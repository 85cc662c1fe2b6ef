use super::Slice;

/// A limit of which a slice uses more than 90 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OverLimit {
    pub kind: LimitKind,
    pub used: u64,
    pub limit: u64,
}

/// Which limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    Tasks,
    MemoryMax,
    MemoryHigh,
}

impl LimitKind {
    /// Returns the setting of systemd.resource-control(5).
    pub fn setting(self) -> &'static str {
        match self {
            Self::Tasks => "TasksMax",
            Self::MemoryMax => "MemoryMax",
            Self::MemoryHigh => "MemoryHigh",
        }
    }
}

/// Returns the limits of which a slice uses more than 90 %. Cache that the kernel frees first is not counted: without
/// pressure it grows up to any limit.
pub fn over_limits(slice: &Slice) -> Vec<OverLimit> {
    let cache = slice.current.reclaimable_bytes.unwrap_or(0);
    let memory = slice.current.memory_bytes.saturating_sub(cache);
    let limits = [
        (LimitKind::Tasks, slice.current.tasks, slice.limits.tasks),
        (LimitKind::MemoryMax, memory, slice.limits.memory_max),
        (LimitKind::MemoryHigh, memory, slice.limits.memory_high),
    ];
    let over = |(kind, used, limit): (LimitKind, u64, Option<u64>)| {
        let limit = limit?;
        let is_over = u128::from(used) * 10 > u128::from(limit) * 9;
        is_over.then_some(OverLimit { kind, used, limit })
    };
    limits.into_iter().filter_map(over).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{MemorySource, SliceLimits, SliceUsage};
    use super::*;

    fn slice(tasks: (u64, Option<u64>), memory: (u64, Option<u64>), cache: Option<u64>) -> Slice {
        Slice {
            name: "a.slice".into(),
            path: String::new(),
            limits: SliceLimits {
                tasks: tasks.1,
                memory_max: memory.1,
                memory_high: None,
                cpu_weight: None,
            },
            current: SliceUsage {
                tasks: tasks.0,
                memory_bytes: memory.0,
                memory_source: MemorySource::Cgroup,
                reclaimable_bytes: cache,
                cpu_usec: None,
            },
        }
    }

    #[test]
    fn more_than_nine_tenths_of_a_limit_is_too_much() {
        let over = |tasks, memory, cache| {
            let found = over_limits(&slice(tasks, memory, cache));
            found.iter().map(|over| over.kind.setting()).collect::<Vec<_>>()
        };
        assert_eq!(over((90, Some(100)), (90, Some(100)), None), [""; 0]);
        assert_eq!(over((91, Some(100)), (91, Some(100)), None), ["TasksMax", "MemoryMax"]);
        assert_eq!(over((u64::MAX, None), (99, Some(100)), Some(20)), [""; 0]);
        assert_eq!(over((1, Some(0)), (u64::MAX, Some(u64::MAX)), None), ["TasksMax", "MemoryMax"]);
    }
}
