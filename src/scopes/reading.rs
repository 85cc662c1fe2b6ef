use jiff::Timestamp;
use launch_probes::host::{CgroupLimits, CgroupUsage, Manager, Owner};

/// What was read of the host at one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    pub now: Timestamp,
    pub manager: Manager,
    /// The slices that were asked for, each before those in it.
    pub slices: Vec<SliceReading>,
    /// The units in those slices that have a process.
    pub units: Vec<UnitReading>,
    /// The panes of the user's tmux servers that are in none of those slices.
    pub panes: Vec<PaneReading>,
    /// What could not be read, a sentence for each.
    pub incomplete: Vec<String>,
}

/// A slice as its cgroup shows it.
#[derive(Debug, Clone)]
pub struct SliceReading {
    pub name: String,
    pub path: String,
    pub limits: CgroupLimits,
    pub usage: CgroupUsage,
}

/// A unit as its cgroup and its processes show it.
#[derive(Debug, Clone)]
pub struct UnitReading {
    pub name: String,
    pub slice: String,
    pub path: String,
    /// When it was created.
    pub since: Option<Timestamp>,
    pub usage: CgroupUsage,
    /// How much processor time it used while it was sampled, and for how long it was, in microseconds.
    pub sample: Option<(u64, u64)>,
    pub owner: Option<Owner>,
    /// Whether it is known to have none.
    pub is_orphan: bool,
    pub processes: Vec<ProcessReading>,
}

/// A pane that is in none of the slices.
#[derive(Debug, Clone)]
pub struct PaneReading {
    /// The unit that its process is in; empty if it is in none.
    pub unit: String,
    pub slice: String,
    pub path: String,
    pub owner: Owner,
    pub sample: Option<(u64, u64)>,
    /// Its process and those that this one started.
    pub processes: Vec<ProcessReading>,
}

/// A process.
#[derive(Debug, Clone, Default)]
pub struct ProcessReading {
    pub pid: u32,
    pub ppid: u32,
    pub comm: String,
    pub since: Option<Timestamp>,
    pub cpu_usec: u64,
    pub resident_bytes: u64,
    pub threads: u64,
    /// The command line, if it was asked for.
    pub args: Option<Vec<String>>,
}
