use jiff::Timestamp;
use launch_probes::host::Owner;
use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::Exit;

/// The slices, what runs in them, and the panes that are in none of them.
#[derive(Debug, Clone)]
pub struct Scopes {
    /// The time of the reading.
    pub now: Timestamp,
    /// The option of `systemctl` that reaches the manager.
    pub manager_option: &'static str,
    pub slices: Vec<Slice>,
    /// Sorted by slice and name.
    pub scopes: Vec<Scope>,
    /// What could not be read, a sentence for each.
    pub incomplete: Vec<String>,
}

/// A slice.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Slice {
    pub name: String,
    /// The cgroup below the hierarchy's root.
    pub path: String,
    pub limits: SliceLimits,
    pub current: SliceUsage,
}

/// What a slice may use; `null` where it has no limit, or where its controller is not delegated.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SliceLimits {
    /// Processes and threads (`TasksMax=`).
    pub tasks: Option<u64>,
    /// Bytes (`MemoryMax=`).
    pub memory_max: Option<u64>,
    /// Bytes (`MemoryHigh=`).
    pub memory_high: Option<u64>,
    /// The share of processor time (`CPUWeight=`).
    pub cpu_weight: Option<u64>,
}

/// What a slice uses, all units in it together.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SliceUsage {
    /// Processes and threads.
    pub tasks: u64,
    pub memory_bytes: u64,
    pub memory_source: MemorySource,
    /// How much of the memory is cache that the kernel frees first; it counts towards no limit here.
    pub reclaimable_bytes: Option<u64>,
    /// Processor time in microseconds.
    pub cpu_usec: Option<u64>,
}

/// How memory was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemorySource {
    /// The kernel counts it for the cgroup.
    Cgroup,
    /// The sum of the processes' resident memory, in which shared pages count several times.
    Rss,
}

/// A unit of a slice, or a pane outside.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Scope {
    /// The unit's name; empty if a pane outside is in no unit.
    pub unit: String,
    pub kind: ScopeKind,
    /// The agent's name: the tmux session, or else the unit without its type.
    pub agent: String,
    pub slice: String,
    /// The cgroup below the hierarchy's root.
    pub path: String,
    /// `null` if there is none.
    pub owner: Option<Owner>,
    /// When the unit was created.
    pub since: Option<Timestamp>,
    /// Processor time in microseconds.
    pub cpu_usec: Option<u64>,
    /// Of one processor: while it was sampled, or else on average since it was created.
    pub cpu_percent: Option<f64>,
    pub memory_bytes: u64,
    pub memory_source: MemorySource,
    /// Processes and threads.
    pub tasks: u64,
    /// Whether the kernel keeps its processes from running.
    pub frozen: bool,
    pub processes: Vec<Process>,
    /// Whether it belongs to no pane and what launched it has ended.
    pub orphan: bool,
    /// Whether it is a pane in none of the slices. The figures are then those of the pane's processes alone.
    pub outside: bool,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScopeKind {
    Scope,
    Service,
    /// A unit of another type.
    Other,
    /// A pane that is in no unit.
    None,
}

/// A process of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Process {
    pub pid: u32,
    pub ppid: u32,
    /// The program's name, which the kernel cuts to 15 bytes.
    pub comm: String,
    pub since: Option<Timestamp>,
    /// The command line; only with --args, because it can hold keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub args: Option<Vec<String>>,
}

impl ScopeKind {
    /// Returns the kind of a unit by its name.
    pub fn of(unit: &str) -> Self {
        match unit.rsplit_once('.') {
            Some((_, "scope")) => Self::Scope,
            Some((_, "service")) => Self::Service,
            Some(_) => Self::Other,
            None => Self::None,
        }
    }
}

impl Scope {
    /// Returns the target by which tmux finds its pane or session.
    pub fn target(&self) -> Option<String> {
        self.owner.as_ref()?.target()
    }
}

impl Scopes {
    /// Returns the exit status that follows.
    pub fn exit(&self) -> Exit {
        let is_finding = self.scopes.iter().any(|scope| scope.orphan || scope.outside)
            || self.slices.iter().any(|slice| !super::over_limits(slice).is_empty());
        match (is_finding, self.incomplete.is_empty()) {
            (true, _) => Exit::Findings,
            (false, false) => Exit::Unmeasured,
            (false, true) => Exit::Success,
        }
    }
}
