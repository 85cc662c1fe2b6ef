use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use crate::host::{Cgroup, UnitProperties};

/// How many tasks an agent has as it starts: a shell, and a runtime with its threads.
const AT_START: u64 = 10;
/// How many it may have at work, when it runs compilers and tests.
const AT_WORK: u64 = 64;

/// Something that bounds how many tasks, which are processes and threads, there may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskBound {
    /// Whose it is, in the card's words: `slice`, `user`, `scope`, `process-limit`, `kernel`.
    pub kind: &'static str,
    /// What people call it: a unit, a setting.
    pub name: String,
    /// How many more tasks it lets in.
    pub room: u64,
    /// How many agents share it.
    pub agents: u64,
}

/// How the room within a bound compares with what agents need, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Not all agents can start.
    Exhausted,
    /// They start, and fail at work.
    Tight,
    /// It lets them work.
    Enough,
}

impl Room {
    /// The word for it on the card.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Tight => "tight",
            Self::Enough => "enough",
        }
    }
}

impl TaskBound {
    /// Whether there is room for all agents that share it.
    pub fn grade(&self) -> Room {
        if self.room < self.agents.saturating_mul(AT_START) {
            Room::Exhausted
        } else if self.room < self.need() {
            Room::Tight
        } else {
            Room::Enough
        }
    }

    /// How much of the room there is for each agent.
    pub fn share(&self) -> u64 {
        self.room / self.agents.max(1)
    }

    /// How many tasks the agents may have.
    pub fn need(&self) -> u64 {
        self.agents.saturating_mul(AT_WORK)
    }

    /// The bound of a cgroup, if it has one: without the pids controller there is none.
    pub fn of_cgroup(cgroup: &Cgroup, kind: &'static str, agents: u64) -> Option<Self> {
        let most: u64 = cgroup.file("pids.max")?.parse().ok()?;
        let now: u64 = cgroup.file("pids.current")?.parse().ok()?;
        let name = cgroup.units().last().unwrap_or("the root").to_owned();
        Some(Self { kind, name, room: most.saturating_sub(now), agents })
    }

    /// The bound of a slice. Where nothing runs in it, it has no cgroup yet.
    pub fn of_slice(slice: &UnitProperties, agents: u64) -> Option<Self> {
        match slice.get("ControlGroup") {
            "" => {
                let room = slice.get("TasksMax").parse().ok()?;
                Some(Self { kind: "slice", name: slice.get("Id").to_owned(), room, agents })
            }
            path => Self::of_cgroup(&Cgroup::at(path), "slice", agents),
        }
    }

    /// The bound that each agent's own scope has by default.
    pub fn of_scopes(manager: &UnitProperties) -> Option<Self> {
        let room = manager.get("DefaultTasksMax").parse().ok()?;
        Some(Self { kind: "scope", name: "DefaultTasksMax".to_owned(), room, agents: 1 })
    }

    /// The limit on all processes of a user (`RLIMIT_NPROC`, getrlimit(2)). The superuser has none.
    pub fn of_user(uid: u32, agents: u64) -> Option<Self> {
        let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).ok()?;
        let is_bound = uid != 0 && soft != RLIM_INFINITY;
        let name = "the limit on processes (ulimit -u)".to_owned();
        let room = soft.saturating_sub(tasks_of(uid));
        is_bound.then_some(Self { kind: "process-limit", name, room, agents })
    }

    /// The kernel's own limits (`kernel.threads-max`, `kernel.pid_max`, proc(5)).
    pub fn of_kernel(agents: u64) -> Option<Self> {
        let number = |name: &str| {
            fs::read_to_string(format!("/proc/sys/kernel/{name}")).ok()?.trim().parse().ok()
        };
        let most: u64 = number("threads-max")?;
        let ids: u64 = number("pid_max")?;
        let (setting, most) =
            if ids < most { ("kernel.pid_max", ids) } else { ("kernel.threads-max", most) };
        let now = tasks_in(&fs::read_to_string("/proc/loadavg").ok()?)?;
        let room = most.saturating_sub(now);
        Some(Self { kind: "kernel", name: setting.into(), room, agents })
    }
}

/// How many tasks there are, out of /proc/loadavg: `0.20 0.18 0.12 1/80 11206`.
pub(crate) fn tasks_in(load: &str) -> Option<u64> {
    load.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

/// How many tasks a user has. What ends meanwhile is not counted.
fn tasks_of(uid: u32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else { return 0 };
    let own = processes.flatten().filter(|entry| {
        entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|metadata| metadata.uid() == uid)
    });
    let threads =
        own.filter_map(|entry| Some(fs::read_dir(entry.path().join("task")).ok()?.count()));
    threads.map(|count| u64::try_from(count).unwrap_or(u64::MAX)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_held_against_what_agents_need_at_the_start_and_at_work() {
        let grade =
            |room, agents| TaskBound { kind: "slice", name: String::new(), room, agents }.grade();
        assert_eq!(grade(59, 6), Room::Exhausted);
        assert_eq!(grade(60, 6), Room::Tight);
        assert_eq!(grade(383, 6), Room::Tight);
        assert_eq!(grade(384, 6), Room::Enough);
        assert!(Room::Exhausted < Room::Tight && Room::Tight < Room::Enough);
    }

    #[test]
    fn the_number_of_tasks_stands_behind_the_slash() {
        assert_eq!(tasks_in("0.20 0.18 0.12 1/80 11206\n"), Some(80));
        assert_eq!(tasks_in("garbage"), None);
    }

    #[test]
    fn a_process_counts_its_threads() {
        assert!(tasks_of(nix::unistd::geteuid().as_raw()) >= 1);
    }
}
