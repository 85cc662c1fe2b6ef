//! Which controllers the manager may use, and whether a limit that it accepts is applied.

use super::support::private_scope::quiet_scope;
use crate::exec::Child;
use crate::fact_values;
use crate::host::Cgroup;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether the manager may use a controller.
    enum Delegation {
        Delegated = "delegated",
        HeldBack = "held-back",
        Absent = "absent",
    }
}

fact_values! {
    /// Whether the kernel applies a limit that the manager accepted.
    enum Effect {
        InForce = "in-force",
        Ignored = "ignored",
    }
}

/// A controller, a property that needs it, and the kernel's file that shows the property
/// (systemd.resource-control(5), cgroups(7)).
struct Controller {
    fact: Fact<Delegation>,
    limit: Fact<Effect>,
    property: &'static str,
    value: &'static str,
    file: &'static str,
    content: &'static str,
}

const CONTROLLERS: [Controller; 4] = [
    Controller {
        fact: Fact::new("cpu"),
        limit: Fact::new("cpu-weight"),
        property: "CPUWeight",
        value: "37",
        file: "cpu.weight",
        content: "37",
    },
    Controller {
        fact: Fact::new("memory"),
        limit: Fact::new("memory-high"),
        property: "MemoryHigh",
        value: "1G",
        file: "memory.high",
        content: "1073741824",
    },
    Controller {
        fact: Fact::new("pids"),
        limit: Fact::new("tasks-max"),
        property: "TasksMax",
        value: "777",
        file: "pids.max",
        content: "777",
    },
    Controller {
        fact: Fact::new("io"),
        limit: Fact::new("io-weight"),
        property: "IOWeight",
        value: "42",
        file: "io.weight",
        content: "default 42",
    },
];

pub(crate) const FACTS: &[FactDecl] = &{
    let mut facts = [CONTROLLERS[0].fact.decl(); 2 * CONTROLLERS.len()];
    let mut index = 0;
    while index < CONTROLLERS.len() {
        facts[2 * index] = CONTROLLERS[index].fact.decl();
        facts[2 * index + 1] = CONTROLLERS[index].limit.decl();
        index += 1;
    }
    facts
};

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let scope = LimitedScope::start(context)?;
    let manager = context.systemctl().args(["show", "--property=ControlGroup"]).run()?;
    let path = manager.stdout_text();
    let path = path.strip_prefix("ControlGroup=").unwrap_or_default();
    let own = controllers_of(&Cgroup::from_path(path));
    let root = controllers_of(&Cgroup::from_path("/"));

    let mut measurement = Measurement::default();
    for controller in &CONTROLLERS {
        let has = |set: &[String]| set.iter().any(|name| name == controller.fact.name());
        let value = match (has(&own), has(&root)) {
            (true, _) => Delegation::Delegated,
            (false, true) => Delegation::HeldBack,
            (false, false) => Delegation::Absent,
        };
        measurement.set_from(controller.fact, value, &manager);
    }
    let applied = scope.record_limits(&mut measurement)?;
    let or_none = |names: String| if names.is_empty() { "none".into() } else { names };
    measurement.detail("manager", context.settings.manager.name());
    measurement.detail("controllers", or_none(own.join(" ")));
    measurement.detail("applied", or_none(applied.join(", ")));
    Ok(measurement)
}

/// Returns the controllers that a cgroup may use; none without a unified hierarchy.
fn controllers_of(cgroup: &Cgroup) -> Vec<String> {
    let names = cgroup.read("cgroup.controllers").unwrap_or_default();
    names.split_ascii_whitespace().map(str::to_owned).collect()
}

/// A scope with limits, which prints its cgroup and runs until its standard input is closed.
struct LimitedScope(Child);

impl LimitedScope {
    fn start(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let limits = CONTROLLERS
            .iter()
            .map(|controller| format!("--property={}={}", controller.property, controller.value));
        let script = "cat /proc/self/cgroup; echo; exec cat";
        let argv = ["--", "sh", "-c", script];
        Ok(Self(quiet_scope(context).args(limits).args(argv).piped_stdin().start()?))
    }

    /// Records whether the kernel has each limit, and returns the properties that it has.
    fn record_limits(
        mut self,
        measurement: &mut Measurement,
    ) -> Result<Vec<&'static str>, NotMeasured> {
        let mut lines: Vec<String> = Vec::new();
        while lines.last().is_none_or(|line| !line.is_empty()) {
            let Some(line) = self.0.next_line(lines.len())? else { break };
            lines.push(line);
        }
        let cgroup = Cgroup::parse(&lines.join("\n"));
        let found = cgroup.map(|cgroup| CONTROLLERS.map(|limit| cgroup.read(limit.file)));
        let run = self.0.wait()?;
        let Some(found) = found.filter(|_| run.success()) else {
            return Err(NotMeasured::Unmeasured(format!(
                "no scope with limits was started: {}",
                run.error_summary()
            )));
        };
        let mut applied = Vec::new();
        for (controller, found) in CONTROLLERS.iter().zip(found) {
            let is_applied = found.as_deref() == Some(controller.content);
            let value = if is_applied { Effect::InForce } else { Effect::Ignored };
            measurement.set_from(controller.limit, value, &run);
            applied.extend(is_applied.then_some(controller.property));
        }
        Ok(applied)
    }
}
