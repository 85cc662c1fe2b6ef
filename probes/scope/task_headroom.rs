//! Whether the limits on this host allow all agents to run.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::support::agent_slice::AgentSlice;
use super::support::memory_limits::{MemoryHeadroom, MemoryLimit};
use super::support::oom_policy::{OomPolicy, OomTestScope, managed_units};
use super::support::task_limits::{Headroom, LimitKind, TaskLimit};
use crate::exec::Output;
use crate::fact_values;
use crate::host::{Cgroup, OOMD_SETTINGS, UnitProperties, User};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// How many files a program must be able to open: the kernel's default hard limit
/// (Linux, include/uapi/linux/fs.h, `INR_OPEN_MAX`).
const OPEN_FILES_NEEDED: u64 = 4096;
const SLICE_PROPERTIES: [&str; 3] = ["Id", "ControlGroup", "TasksMax"];
const MANAGER_PROPERTIES: [&str; 3] = ["ControlGroup", "DefaultTasksMax", "DefaultLimitNOFILE"];

fact_values! {
    /// Whether a program may open as many files as it needs.
    enum FileLimit {
        Enough = "enough",
        Low = "low",
    }
}

fact_values! {
    /// Whether systemd-oomd may kill in a unit around agents.
    enum ManagedOom {
        Off = "off",
        Kill = "kill",
    }
}

fact_values! {
    /// What the nearest limit on memory belongs to.
    enum MemoryBound {
        None = "none",
        Slice = "slice",
        User = "user",
    }
}

const TASKS: Fact<Headroom> = Fact::new("tasks");
const BOUND: Fact<LimitKind> = Fact::new("bound");
const MEMORY: Fact<MemoryHeadroom> = Fact::new("memory");
const MEMORY_BOUND: Fact<MemoryBound> = Fact::new("memory-bound");
const OPEN_FILES: Fact<FileLimit> = Fact::new("open-files");
const SERVICE_OPEN_FILES: Fact<FileLimit> = Fact::new("service-open-files");
const OOM_POLICY: Fact<OomPolicy> = Fact::new("oom-policy");
const MANAGED_OOM: Fact<ManagedOom> = Fact::new("managed-oom");
pub(crate) const FACTS: &[FactDecl] = &[
    TASKS.decl(),
    BOUND.decl(),
    MEMORY.decl(),
    MEMORY_BOUND.decl(),
    OPEN_FILES.decl(),
    SERVICE_OPEN_FILES.decl(),
    OOM_POLICY.decl(),
    MANAGED_OOM.decl(),
];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let scope = OomTestScope::start(context)?;
    let (managers, run) = UnitProperties::read(context.systemctl(), &[], &MANAGER_PROPERTIES)?;
    let manager = &managers[0];
    let slices = slices(context)?;
    let user = User::current();

    let mut measurement = Measurement::default();
    measurement.detail("user", user.name.as_str());
    let examined = context.settings.manager;
    measurement.detail("manager", examined.option());
    measurement.detail("conf", format!("/etc/systemd/{}.conf.d", examined.name()));
    measurement.detail("agent-count", agent_count(context.settings.agents));
    let limits = task_limits(context, manager, &slices, user.uid);
    let Some(tightest) = TaskLimit::tightest(&limits) else {
        return Err(NotMeasured::Unmeasured("/proc shows no limit on tasks".into()));
    };
    record_tasks(tightest, &run, &mut measurement);
    let around = Cgroup::from_path(manager.get("ControlGroup"));
    record_memory(&memory_limits(around, &slices), &run, &mut measurement);

    let hard = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?.1;
    measurement.set_from(OPEN_FILES, file_limit(hard), &run);
    let service = manager.get("DefaultLimitNOFILE").parse().unwrap_or(RLIM_INFINITY);
    measurement.set_from(SERVICE_OPEN_FILES, file_limit(service), &run);
    measurement.detail("files", file_count(hard));
    measurement.detail("service-files", file_count(service));

    let (policy, run) = scope.policy(context)?;
    measurement.set_from(OOM_POLICY, policy, &run);
    let oomd_units = managed_units(context, &slices, user.uid);
    let value = if oomd_units.is_empty() { ManagedOom::Off } else { ManagedOom::Kill };
    measurement.set_from(MANAGED_OOM, value, &run);
    measurement.detail("managed", oomd_units.join(" "));
    Ok(measurement)
}

/// Records how many more tasks the tightest limit allows.
fn record_tasks(limit: &TaskLimit, run: &Output, measurement: &mut Measurement) {
    measurement.set_from(TASKS, limit.headroom(), run);
    measurement.set_from(BOUND, limit.kind, run);
    for (key, value) in [
        ("bound", limit.name.clone()),
        ("room", limit.room.to_string()),
        ("need", limit.need().to_string()),
        ("agents", limit.agents.to_string()),
    ] {
        measurement.detail(key, value);
    }
}

/// Records how near the memory of agents is to a limit.
fn record_memory(limits: &[MemoryLimit], run: &Output, measurement: &mut Measurement) {
    let Some(tightest) = MemoryLimit::tightest(limits) else {
        measurement.set(MEMORY, MemoryHeadroom::Enough);
        measurement.set(MEMORY_BOUND, MemoryBound::None);
        return;
    };
    measurement.set_from(MEMORY, tightest.headroom(), run);
    let is_slice = tightest.kind == LimitKind::Slice;
    measurement.set(MEMORY_BOUND, if is_slice { MemoryBound::Slice } else { MemoryBound::User });
    for (key, value) in [
        ("memory-unit", tightest.unit.clone()),
        ("memory-limit", tightest.limit_mib().to_string()),
        ("memory-used", tightest.used_mib().to_string()),
        ("memory-doubled", tightest.doubled()),
    ] {
        measurement.detail(key, value);
    }
}

/// Returns every limit on the memory of all agents, from that of their slice to the outermost.
fn memory_limits(around: Cgroup, slices: &[UnitProperties]) -> Vec<MemoryLimit> {
    let of_slices = slices.iter().filter(|slice| !slice.get("ControlGroup").is_empty());
    let mut limits: Vec<MemoryLimit> = of_slices
        .map(|slice| Cgroup::from_path(slice.get("ControlGroup")))
        .flat_map(|cgroup| MemoryLimit::of_cgroup(&cgroup, LimitKind::Slice))
        .collect();
    let of_user = around.lineage();
    limits.extend(of_user.flat_map(|cgroup| MemoryLimit::of_cgroup(&cgroup, LimitKind::User)));
    limits
}

fn agent_count(agents: u32) -> String {
    if agents == 1 { "1 agent".into() } else { format!("{agents} agents") }
}

fn file_count(limit: u64) -> String {
    if limit == RLIM_INFINITY { "any number of".into() } else { limit.to_string() }
}

/// Returns the slice for agents and those around it, from the outermost: the named one, or the one in which the
/// manager puts units by default; none if the name is not usable.
fn slices(context: &ProbeContext) -> Result<Vec<UnitProperties>, NotMeasured> {
    let lineage = match (&context.settings.slice, AgentSlice::from_settings(context)) {
        (Some(_), Ok(slice)) => slice.lineage(),
        (Some(_), Err(_)) => return Ok(Vec::new()),
        (None, _) => vec![context.settings.manager.default_slice().to_owned()],
    };
    let properties = [&SLICE_PROPERTIES[..], &OOMD_SETTINGS].concat();
    Ok(UnitProperties::read(context.systemctl(), &lineage, &properties)?.0)
}

/// Returns every limit on the tasks of agents, from that of one agent's scope to the kernel's.
fn task_limits(
    context: &ProbeContext,
    manager: &UnitProperties,
    slices: &[UnitProperties],
    uid: u32,
) -> Vec<TaskLimit> {
    let agents = u64::from(context.settings.agents);
    let around = Cgroup::from_path(manager.get("ControlGroup"));
    let mut limits = Vec::new();
    // Without its controller a limit on tasks is stored and not applied.
    let controllers = around.read("cgroup.controllers").unwrap_or_default();
    if controllers.split_ascii_whitespace().any(|name| name == "pids") {
        limits.extend(TaskLimit::of_scopes(manager));
        limits.extend(slices.iter().filter_map(|slice| TaskLimit::of_slice(slice, agents)));
    }
    let of_user = around.lineage();
    limits.extend(
        of_user.filter_map(|cgroup| TaskLimit::of_cgroup(&cgroup, LimitKind::User, agents)),
    );
    limits.extend(TaskLimit::of_user(uid, agents));
    limits.extend(TaskLimit::of_kernel(agents));
    limits
}

fn file_limit(limit: u64) -> FileLimit {
    if limit < OPEN_FILES_NEEDED { FileLimit::Low } else { FileLimit::Enough }
}
