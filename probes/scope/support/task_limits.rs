use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::fact_values;
use crate::host::{Cgroup, UnitProperties, processes};

/// How many tasks an agent has when it starts: a shell, and a runtime with its threads.
const TASKS_AT_START: u64 = 10;
/// How many tasks an agent may have at work, when it runs compilers and tests.
const TASKS_AT_WORK: u64 = 64;

fact_values! {
    /// What a limit on tasks belongs to.
    pub(crate) enum LimitKind {
        Scope = "scope",
        Slice = "slice",
        User = "user",
        ProcessLimit = "process-limit",
        Kernel = "kernel",
    }
}

fact_values! {
    /// How a limit compares with what agents need, the worst first.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum Headroom {
        Exhausted = "exhausted",
        Tight = "tight",
        Enough = "enough",
    }
}

/// A limit on the number of tasks: processes and threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskLimit {
    /// What it belongs to.
    pub(crate) kind: LimitKind,
    /// Its name for a person: a unit or a setting.
    pub(crate) name: String,
    /// How many more tasks it allows.
    pub(crate) room: u64,
    /// How many agents share it.
    pub(crate) agents: u64,
}

impl TaskLimit {
    /// Returns the limit that stops agents first: the one with the least headroom, and among equals
    /// the one with the fewest tasks for each agent.
    pub(crate) fn tightest(limits: &[Self]) -> Option<&Self> {
        limits.iter().min_by_key(|limit| (limit.headroom(), limit.room / limit.agents.max(1)))
    }

    /// Returns whether it allows all agents that share it to start and to work.
    pub(crate) fn headroom(&self) -> Headroom {
        if self.room < self.agents.saturating_mul(TASKS_AT_START) {
            Headroom::Exhausted
        } else if self.room < self.need() {
            Headroom::Tight
        } else {
            Headroom::Enough
        }
    }

    /// Returns how many tasks its agents may have at work.
    pub(crate) fn need(&self) -> u64 {
        self.agents.saturating_mul(TASKS_AT_WORK)
    }

    /// Returns the limit of a cgroup; `None` if it has none, as without the pids controller.
    pub(crate) fn of_cgroup(cgroup: &Cgroup, kind: LimitKind, agents: u64) -> Option<Self> {
        let most = cgroup.number("pids.max")?;
        let now = cgroup.number("pids.current")?;
        let name = cgroup.units().last().unwrap_or("the root").to_owned();
        Some(Self { kind, name, room: most.saturating_sub(now), agents })
    }

    /// Returns the limit of a slice. A slice in which nothing runs has no cgroup.
    pub(crate) fn of_slice(slice: &UnitProperties, agents: u64) -> Option<Self> {
        match slice.get("ControlGroup") {
            "" => {
                let room = slice.get("TasksMax").parse().ok()?;
                let name = slice.get("Id").to_owned();
                Some(Self { kind: LimitKind::Slice, name, room, agents })
            }
            path => Self::of_cgroup(&Cgroup::from_path(path), LimitKind::Slice, agents),
        }
    }

    /// Returns the default limit of each agent's own scope.
    pub(crate) fn of_scopes(manager: &UnitProperties) -> Option<Self> {
        let room = manager.get("DefaultTasksMax").parse().ok()?;
        Some(Self { kind: LimitKind::Scope, name: "DefaultTasksMax".to_owned(), room, agents: 1 })
    }

    /// Returns the limit on all processes of a user (`RLIMIT_NPROC`, getrlimit(2)), which does not
    /// apply to the superuser.
    pub(crate) fn of_user(uid: u32, agents: u64) -> Option<Self> {
        let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
        let is_limited = uid != 0 && soft != RLIM_INFINITY;
        let name = "the limit on processes (ulimit -u)".to_owned();
        let room = soft.saturating_sub(tasks_of(uid));
        is_limited.then_some(Self { kind: LimitKind::ProcessLimit, name, room, agents })
    }

    /// Returns the lower of the kernel's own limits (`kernel.threads-max`, `kernel.pid_max`,
    /// proc(5)).
    pub(crate) fn of_kernel(agents: u64) -> Option<Self> {
        let number = |name: &str| {
            fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
        };
        let most: u64 = number("threads-max")?;
        let ids: u64 = number("pid_max")?;
        let (setting, most) =
            if ids < most { ("kernel.pid_max", ids) } else { ("kernel.threads-max", most) };
        let now = task_count(&fs::read_to_string("/proc/loadavg").ok()?)?;
        let room = most.saturating_sub(now);
        Some(Self { kind: LimitKind::Kernel, name: setting.into(), room, agents })
    }
}

/// Reads the number of tasks from a /proc/loadavg such as `0.20 0.18 0.12 1/80 11206`.
pub(crate) fn task_count(load: &str) -> Option<u64> {
    load.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// Returns how many tasks a user has. A process that exits meanwhile is not counted.
fn tasks_of(uid: u32) -> u64 {
    let threads = processes().filter_map(|pid| {
        let process = Path::new("/proc").join(pid.to_string());
        let is_own = fs::metadata(&process).is_ok_and(|metadata| metadata.uid() == uid);
        is_own.then(|| fs::read_dir(process.join("task")).map_or(0, Iterator::count))
    });
    threads.map(|count| u64::try_from(count).unwrap_or(u64::MAX)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_limit_is_the_one_that_stops_agents_first() {
        let limit = |kind, room, agents| TaskLimit { kind, name: String::new(), room, agents };
        let tightest = |limits: &[TaskLimit]| TaskLimit::tightest(limits).map(|limit| limit.kind);
        // A scope has its limit to itself: 40 tasks are too few for one agent at work, and so are
        // 320 for six. Each of the six has more of them.
        let scope = limit(LimitKind::Scope, 40, 1);
        let slice = limit(LimitKind::Slice, 320, 6);
        assert_eq!(tightest(&[slice.clone(), scope.clone()]), Some(LimitKind::Scope));
        // A limit that does not let all agents start is worse than any that does.
        let user = limit(LimitKind::User, 5000, 600);
        assert_eq!(tightest(&[scope, user, slice]), Some(LimitKind::User));
        assert_eq!(tightest(&[]), None);
        assert_eq!(
            limit(LimitKind::Kernel, u64::MAX - 1, u64::MAX).headroom(),
            Headroom::Exhausted,
            "a number of agents whose need overflows"
        );
    }

    #[test]
    fn the_number_of_tasks_follows_the_slash() {
        assert_eq!(task_count("0.20 0.18 0.12 1/80 11206\n"), Some(80));
        assert_eq!(task_count("garbage"), None);
    }
}
