//! Whether the limits on this host have room for a fleet of agents.

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

use super::agent_slice::AgentSlice;
use super::out_of_memory::{MANAGED, WatchedScope, managed_units};
use super::task_bounds::TaskBound;
use crate::host::{Cgroup, UnitProperties, User};
use crate::sandbox::{Completed, Sandbox};
use crate::{Measurement, Unable};

/// How many open files a program must be able to ask for: the kernel's own default.
const OPEN_FILES: u64 = 4096;
const ABOUT_SLICES: [&str; 3] = ["Id", "ControlGroup", "TasksMax"];
const ABOUT_MANAGER: [&str; 3] = ["ControlGroup", "DefaultTasksMax", "DefaultLimitNOFILE"];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let scope = WatchedScope::start(sandbox)?;
    let (managers, run) = UnitProperties::read(sandbox.systemctl(), &[], &ABOUT_MANAGER)?;
    let manager = &managers[0];
    let slices = slices(sandbox)?;
    let user = User::current();

    let mut measurement = Measurement::default();
    measurement.detail("user", user.name.as_str());
    let of = sandbox.settings.manager;
    measurement.detail("manager", of.option());
    measurement.detail("conf", format!("/etc/systemd/{}.conf.d", of.name()));
    let bounds = bounds(sandbox, manager, &slices, user.uid);
    let tightest = bounds.iter().min_by_key(|bound| (bound.grade(), bound.share()));
    let mut summary = Vec::new();
    if let Some(bound) = tightest {
        summary.push(tasks(sandbox, bound, &run, &mut measurement));
    }

    let hard = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?.1;
    measurement.fact_from("open-files", open_files(hard), &run);
    let service = manager.get("DefaultLimitNOFILE").parse().unwrap_or(RLIM_INFINITY);
    measurement.fact_from("service-open-files", open_files(service), &run);
    measurement.detail("files", hard.to_string());
    measurement.detail("service-files", service.to_string());
    summary.push(match hard {
        RLIM_INFINITY => "any number of open files".into(),
        hard => format!("up to {hard} open files each"),
    });

    let (policy, run) = scope.policy(sandbox)?;
    measurement.fact_from("oom-policy", policy, &run);
    summary.push(format!("out of memory: {policy}"));
    let managed = managed_units(sandbox, &slices, user.uid);
    measurement.detail("managed", managed.join(" "));
    measurement.fact_from("managed-oom", if managed.is_empty() { "off" } else { "kill" }, &run);
    measurement.summary = summary.join("; ");
    Ok(measurement)
}

/// Records how many more tasks the tightest bound lets in.
fn tasks(
    sandbox: &Sandbox,
    bound: &TaskBound,
    run: &Completed,
    measurement: &mut Measurement,
) -> String {
    measurement.fact_from("tasks", bound.grade().name(), run);
    measurement.fact_from("bound", bound.kind, run);
    for (key, value) in [
        ("bound", bound.name.clone()),
        ("room", bound.room.to_string()),
        ("need", bound.need().to_string()),
        ("agents", bound.agents.to_string()),
    ] {
        measurement.detail(key, value);
    }
    let fleet = match sandbox.settings.fleet {
        1 => "1 agent".into(),
        fleet => format!("{fleet} agents"),
    };
    format!("{fleet}; {} lets in {} more tasks", bound.name, bound.room)
}

/// The slice for agents and those around it, from the outermost; none where none was named, or
/// none that can be.
fn slices(sandbox: &Sandbox) -> Result<Vec<UnitProperties>, Unable> {
    let Ok(slice) = AgentSlice::named(sandbox) else { return Ok(Vec::new()) };
    let properties = [&ABOUT_SLICES[..], &MANAGED].concat();
    Ok(UnitProperties::read(sandbox.systemctl(), &slice.lineage(), &properties)?.0)
}

/// Every bound on the tasks of agents, from the scope of one to the kernel's.
fn bounds(
    sandbox: &Sandbox,
    manager: &UnitProperties,
    slices: &[UnitProperties],
    uid: u32,
) -> Vec<TaskBound> {
    let fleet = u64::from(sandbox.settings.fleet);
    let around = Cgroup::at(manager.get("ControlGroup"));
    let mut bounds = Vec::new();
    // Without its controller a limit on tasks is stored and not in force.
    let controllers = around.file("cgroup.controllers").unwrap_or_default();
    if controllers.split_ascii_whitespace().any(|name| name == "pids") {
        bounds.extend(TaskBound::of_scopes(manager));
        bounds.extend(slices.iter().filter_map(|slice| TaskBound::of_slice(slice, fleet)));
    }
    let mut next = Some(around);
    while let Some(cgroup) = next {
        bounds.extend(TaskBound::of_cgroup(&cgroup, "user", fleet));
        next = cgroup.parent();
    }
    bounds.extend(TaskBound::of_user(uid, fleet));
    bounds.extend(TaskBound::of_kernel(fleet));
    bounds
}

fn open_files(most: u64) -> &'static str {
    if most < OPEN_FILES { "low" } else { "enough" }
}
