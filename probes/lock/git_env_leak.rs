//! Whether this environment, the manager's, or that of a tmux server directs every git to one repository.

use std::collections::BTreeMap;
use std::env;

use super::support::git_variables::{
    SETTINGS, local_variables, query_tmux, set_here, set_in_manager, tmux_answer,
};
use crate::exec::Child;
use crate::fact_values;
use crate::host::{ManagerStatus, PendingVariables, TmuxServer, User, VariableOrigins};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, user_tmux_servers};

fact_values! {
    /// Whether a variable is set; its value is never read.
    enum Presence {
        Unset = "unset",
        Set = "set",
    }
}

fact_values! {
    /// Which of git's other variables are set.
    enum Others {
        Unset = "unset",
        Settings = "settings",
        Set = "set",
    }
}

fact_values! {
    /// Which of git's variables are set in the manager.
    enum InManager {
        Unset = "unset",
        Settings = "settings",
        Set = "set",
        SetByFile = "set-by-file",
        SetInSystem = "set-in-system",
    }
}

/// A variable, with its fact for this environment and for those of the tmux servers.
struct GitVariable {
    name: &'static str,
    here: Fact<Presence>,
    in_tmux: Fact<Presence>,
}

const VARIABLES: [GitVariable; 3] = [
    GitVariable { name: "GIT_DIR", here: Fact::new("git-dir"), in_tmux: Fact::new("tmux-git-dir") },
    GitVariable {
        name: "GIT_WORK_TREE",
        here: Fact::new("git-work-tree"),
        in_tmux: Fact::new("tmux-git-work-tree"),
    },
    GitVariable {
        name: "GIT_INDEX_FILE",
        here: Fact::new("git-index-file"),
        in_tmux: Fact::new("tmux-git-index-file"),
    },
];
const OTHER: Fact<Others> = Fact::new("other");
const TMUX_OTHER: Fact<Others> = Fact::new("tmux-other");
const MANAGER: Fact<InManager> = Fact::new("manager");
pub(crate) const FACTS: &[FactDecl] = &[
    VARIABLES[0].here.decl(),
    VARIABLES[0].in_tmux.decl(),
    VARIABLES[1].here.decl(),
    VARIABLES[1].in_tmux.decl(),
    VARIABLES[2].here.decl(),
    VARIABLES[2].in_tmux.decl(),
    OTHER.decl(),
    TMUX_OTHER.decl(),
    MANAGER.decl(),
];

/// What was found so far.
#[derive(Default)]
struct Leaks {
    measurement: Measurement,
    /// `GIT_DIR in this environment`
    found: Vec<String>,
    /// The sockets of the tmux servers that have a variable, by the name of its fact.
    sockets: BTreeMap<&'static str, Vec<String>>,
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let names = VARIABLES.map(|variable| variable.name);
    let local = local_variables(context)?;
    let mut others = local.clone();
    others.retain(|name| !names.contains(&name.as_str()));
    let query = |server: TmuxServer| {
        let pending = server.query(&names, context.deadline()).ok()?;
        let more = query_tmux(context, &server, &others).ok()?;
        Some((server, pending, more))
    };
    let queries: Vec<_> =
        user_tmux_servers(User::current().uid)?.into_iter().filter_map(query).collect();

    let mut leaks = Leaks::default();
    for GitVariable { name, here, .. } in VARIABLES {
        let is_set = env::var_os(name).is_some();
        let shown = context.command("sh").args(["-c", &format!("echo ${{{name}+set}}")]).run()?;
        let presence = if is_set { Presence::Set } else { Presence::Unset };
        leaks.measurement.set_from(here, presence, &shown);
        leaks.found.extend(is_set.then(|| format!("{name} in this environment")));
    }
    leaks.record_others(&others);
    leaks.record_manager(context, &local);
    let mut examined = 0;
    for (server, pending, more) in queries {
        // A server that does not answer is the finding of tmux-bus-env.
        if leaks.record_server(&server, pending) {
            leaks.record_others_in_tmux(&server, more);
            examined += 1;
        }
    }
    let servers = match examined {
        0 => "no tmux server".to_owned(),
        1 => "1 tmux server".to_owned(),
        count => format!("{count} tmux servers"),
    };
    let Leaks { mut measurement, found, sockets } = leaks;
    for (name, sockets) in sockets {
        measurement.list(name, sockets);
    }
    measurement.detail("servers", servers);
    let none = || format!("{} are not set", names.join(", "));
    let found = if found.is_empty() { none() } else { format!("set: {}", found.join(", ")) };
    measurement.detail("leaks", found);
    Ok(measurement)
}

impl Leaks {
    fn record_others(&mut self, names: &[String]) {
        let set = set_here(names);
        self.measurement.set(OTHER, others_of(&set));
        self.found.extend(leaking(&set).map(|name| format!("{name} in this environment")));
        self.measurement.detail("other-names", set.join(", "));
        self.measurement.list("other-variable", leaking(&set).cloned());
    }

    fn record_manager(&mut self, context: &ProbeContext, names: &[String]) {
        if !matches!(context.manager, ManagerStatus::Running { .. }) {
            return;
        }
        let Some((set, run)) = set_in_manager(context, names) else { return };
        let leaks: Vec<String> = leaking(&set).cloned().collect();
        let origins = VariableOrigins::find(context.settings.manager, &User::current(), &leaks);
        let state = match others_of(&set) {
            Others::Unset => InManager::Unset,
            Others::Settings => InManager::Settings,
            Others::Set if !origins.files.is_empty() => InManager::SetByFile,
            Others::Set if context.is_user() => InManager::Set,
            Others::Set => InManager::SetInSystem,
        };
        self.measurement.set_from(MANAGER, state, &run);
        let manager = context.settings.manager.name();
        self.found.extend(leaking(&set).map(|name| format!("{name} in the {manager} manager")));
        self.measurement.detail("manager-names", set.join(", "));
        self.measurement.list("manager-variable", origins.removable);
        let files: Vec<String> = origins.files.iter().map(|it| it.display().to_string()).collect();
        self.measurement.detail("manager-files", files.join(", "));
        self.measurement.setting_files("manager", &leaks, origins.files);
    }

    /// Records the variables of a server; if one of several servers has a variable, it counts as set.
    /// Returns whether the server answered.
    fn record_server(&mut self, server: &TmuxServer, pending: PendingVariables) -> bool {
        let Ok(variables) = pending.wait() else { return false };
        let path = server.path.to_string_lossy();
        for (GitVariable { name, in_tmux, .. }, variable) in VARIABLES.into_iter().zip(variables) {
            if variable.value.is_some() {
                self.measurement.set_from(in_tmux, Presence::Set, &variable.source);
                self.found.push(format!("{name} in the tmux server at {path}"));
                self.measurement.detail(in_tmux.name(), path.as_ref());
                self.sockets.entry(in_tmux.name()).or_default().push(path.clone().into_owned());
            } else if !self.measurement.facts.contains_key(in_tmux.name()) {
                self.measurement.set_from(in_tmux, Presence::Unset, &variable.source);
            }
        }
        true
    }

    fn record_others_in_tmux(&mut self, server: &TmuxServer, pending: Child) {
        let Some((set, run)) = tmux_answer(pending) else { return };
        let path = server.path.to_string_lossy();
        let state = others_of(&set);
        let is_worse = !self.measurement.facts.contains_key(TMUX_OTHER.name());
        if is_worse || state == Others::Set {
            self.measurement.set_from(TMUX_OTHER, state, &run);
        }
        if state == Others::Set {
            let found = leaking(&set).map(|name| format!("{name} in the tmux server at {path}"));
            self.found.extend(found);
            self.measurement.detail("tmux-other-names", set.join(", "));
            self.measurement.detail("tmux-other-socket", path.as_ref());
            self.sockets.entry("tmux-other-socket").or_default().push(path.into_owned());
        }
    }
}

fn others_of(set: &[String]) -> Others {
    match (set.is_empty(), leaking(set).next()) {
        (true, _) => Others::Unset,
        (false, None) => Others::Settings,
        (false, Some(_)) => Others::Set,
    }
}

/// Returns the variables that are not set on purpose.
fn leaking(set: &[String]) -> impl Iterator<Item = &String> {
    set.iter().filter(|name| *name != SETTINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_alone_are_no_leak() {
        let of = |names: &[&str]| {
            others_of(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), Others::Unset);
        assert_eq!(of(&["GIT_CONFIG_COUNT"]), Others::Settings);
        assert_eq!(of(&["GIT_CONFIG_COUNT", "GIT_PREFIX"]), Others::Set);
    }
}
