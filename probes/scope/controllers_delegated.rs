//! Which controllers the manager may use, and whether a limit that it accepts comes into force.

use super::own_scope::own_scope;
use crate::host::{Cgroup, User};
use crate::sandbox::{Running, Sandbox};
use crate::{Measurement, Unable};

/// The controllers that weights and limits of agents need.
const CONTROLLERS: [&str; 4] = ["cpu", "memory", "pids", "io"];
/// What is set on a scope, and what the kernel's file must say then (systemd.resource-control(5),
/// cgroups(7)).
const LIMITS: [Limit; 4] = [
    Limit::new("cpu-weight", "CPUWeight", "37", ["cpu.weight", "37"]),
    Limit::new("memory-high", "MemoryHigh", "1G", ["memory.high", "1073741824"]),
    Limit::new("tasks-max", "TasksMax", "777", ["pids.max", "777"]),
    Limit::new("io-weight", "IOWeight", "42", ["io.weight", "default 42"]),
];

struct Limit {
    fact: &'static str,
    property: &'static str,
    value: &'static str,
    file: &'static str,
    says: &'static str,
}

impl Limit {
    const fn new(
        fact: &'static str,
        property: &'static str,
        value: &'static str,
        [file, says]: [&'static str; 2],
    ) -> Self {
        Self { fact, property, value, file, says }
    }
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let scope = LimitedScope::start(sandbox)?;
    let manager = sandbox.systemctl().args(["show", "--property=ControlGroup"]).run()?;
    let path = manager.text();
    let path = path.strip_prefix("ControlGroup=").unwrap_or_default();
    let own = controllers(&Cgroup::at(path));
    let root = controllers(&Cgroup::at("/"));

    let mut measurement = Measurement::default();
    let user = User::current();
    measurement.detail("uid", user.uid.to_string());
    measurement.detail("user", user.name);
    for controller in CONTROLLERS {
        let has = |set: &[String]| set.iter().any(|name| name == controller);
        let value = match (has(&own), has(&root)) {
            (true, _) => "delegated",
            (false, true) => "held-back",
            (false, false) => "absent",
        };
        measurement.fact_from(controller, value, &manager);
    }
    let in_force = scope.tell(&mut measurement)?;
    let given = if own.is_empty() { "no controller".into() } else { own.join(" ") };
    let taken = if in_force.is_empty() { "none".into() } else { in_force.join(", ") };
    measurement.summary = format!(
        "the {} manager has {given}; of the limits set on a scope, in force were: {taken}",
        sandbox.settings.manager.name()
    );
    Ok(measurement)
}

/// The controllers that a cgroup may hand on. Without a unified hierarchy there are none.
fn controllers(cgroup: &Cgroup) -> Vec<String> {
    let names = cgroup.file("cgroup.controllers").unwrap_or_default();
    names.split_ascii_whitespace().map(str::to_owned).collect()
}

/// A scope with limits, which tells its cgroup and lives until its input ends.
struct LimitedScope(Running);

impl LimitedScope {
    fn start(sandbox: &Sandbox) -> Result<Self, Unable> {
        let limits =
            LIMITS.iter().map(|limit| format!("--property={}={}", limit.property, limit.value));
        let script = "cat /proc/self/cgroup; echo; exec cat";
        let words = ["--", "sh", "-c", script];
        Ok(Self(own_scope(sandbox).args(limits).args(words).with_input().start()?))
    }

    /// Records what the kernel has of each limit, and gives those that it has.
    fn tell(mut self, measurement: &mut Measurement) -> Result<Vec<&'static str>, Unable> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.is_empty()) {
            let Some(line) = self.0.next_line(lines.len())? else { break };
            lines.push(line);
        }
        let cgroup = Cgroup::parse(&lines.join("\n"));
        let found = cgroup.map(|cgroup| LIMITS.map(|limit| cgroup.file(limit.file)));
        let run = self.0.wait()?;
        let Some(found) = found.filter(|_| run.success()) else {
            let errors = run.failure();
            return Err(Unable::Unmeasured(format!("no scope with limits was started: {errors}")));
        };
        let mut in_force = Vec::new();
        for (limit, found) in LIMITS.into_iter().zip(found) {
            let is_in_force = found.as_deref() == Some(limit.says);
            measurement.fact_from(
                limit.fact,
                if is_in_force { "in-force" } else { "ignored" },
                &run,
            );
            in_force.extend(is_in_force.then_some(limit.property));
        }
        Ok(in_force)
    }
}
