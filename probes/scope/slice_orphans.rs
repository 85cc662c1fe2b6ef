//! Finds scopes of the agents' slice that keep running after their pane or launcher has ended.

use std::env;
use std::path::PathBuf;

use super::support::agent_slice::AgentSlice;
use crate::fact_values;
use crate::host::{
    Cgroup, OwnerIndex, ProcessTable, SliceUnits, TransientUnits, UnitCgroup, User,
    has_foreign_process, is_orphan,
};
use crate::sandbox::{
    Fact, FactDecl, Measurement, NotMeasured, ProbeContext, RunId, user_tmux_servers_in,
};

/// How many orphans the summary names.
const NAMED: usize = 3;

fact_values! {
    /// Whether a scope in the slice keeps running after its pane or launcher has ended.
    enum Orphans {
        Empty = "empty",
        None = "none",
        Some = "some",
    }
}

const ORPHANS: Fact<Orphans> = Fact::new("orphans");
pub(crate) const FACTS: &[FactDecl] = &[ORPHANS.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let slice = AgentSlice::from_settings(context)?;
    let scopes = scopes_in(context, &slice)?;
    let orphans = if scopes.is_empty() { Vec::new() } else { orphans_among(context, &scopes)? };

    let mut measurement = Measurement::default();
    measurement.detail("unit", slice.unit());
    measurement.detail("manager", context.settings.manager.option());
    measurement.detail("orphans", sentence(&orphans));
    measurement.detail("keep", if orphans.len() == 1 { "keeps" } else { "keep" });
    measurement.list("orphan", orphans.iter().cloned());
    let value = match (scopes.is_empty(), orphans.is_empty()) {
        (true, _) => Orphans::Empty,
        (false, true) => Orphans::None,
        (false, false) => Orphans::Some,
    };
    measurement.set(ORPHANS, value);
    Ok(measurement)
}

/// A scope with the processes in it.
struct Scope {
    unit: UnitCgroup,
    pids: Vec<u32>,
}

/// Lists the scopes in the slice and in slices inside it. Not the doctor's own, nor the one that it runs in.
fn scopes_in(context: &ProbeContext, slice: &AgentSlice) -> Result<Vec<Scope>, NotMeasured> {
    let manager = context.settings.manager;
    let root = Cgroup::of_manager(manager, User::current().uid);
    let slices = SliceUnits::list(&root).map_err(|error| {
        let name = manager.name();
        NotMeasured::Skipped(format!("the cgroup of the {name} manager cannot be read: {error}"))
    })?;
    let Some(named) = slices.iter().find(|it| it.name == slice.unit()) else {
        return Ok(Vec::new());
    };
    let is_foreign =
        |unit: &&UnitCgroup| unit.name.ends_with(".scope") && !RunId::names_unit(&unit.name);
    let own = std::process::id();
    let inside = slices.iter().filter(|it| it.is_in(named));
    let scopes = inside.flat_map(SliceUnits::launched).filter(is_foreign);
    let scopes = scopes.map(|unit| Scope { pids: unit.processes(), unit: unit.clone() });
    Ok(scopes.filter(|scope| !scope.pids.is_empty() && !scope.pids.contains(&own)).collect())
}

/// Returns the names of the scopes that have no owner, sorted.
fn orphans_among(context: &ProbeContext, scopes: &[Scope]) -> Result<Vec<String>, NotMeasured> {
    let user = User::current();
    // After the scopes: what is then missing here has ended, or cannot be seen.
    let table = ProcessTable::read();
    let servers = user_tmux_servers_in(&table, user.uid)?;
    let directory = env::var_os("TMUX_TMPDIR").map(PathBuf::from);
    let access = context.access();
    let mut pending = OwnerIndex::query_default_servers(access, user.uid, directory.as_deref());
    pending.add(access, servers);
    let index = pending.wait();
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let transient = TransientUnits::list(context.settings.manager, &user, runtime_dir);
    let is_lost = |scope: &&Scope| {
        let name = &scope.unit.name;
        let is_seen = scope.pids.iter().any(|pid| table.get(*pid).is_some());
        let owner = || index.of_unit(name, &scope.pids, &table, || transient.description(name));
        is_seen && is_orphan(name, owner().as_ref())
    };
    let lost: Vec<&Scope> = scopes.iter().filter(is_lost).collect();
    // A pane of a server that was not asked, or did not answer, may have them.
    if let Some(foreign) = lost.iter().find(|scope| has_foreign_process(&scope.pids)) {
        return Err(NotMeasured::Unmeasured(format!(
            "another user runs in {}, whose tmux servers are not asked: run doctor as that user",
            foreign.unit.name
        )));
    }
    if let Some(why) = index.unreadable().first().filter(|_| !lost.is_empty()) {
        return Err(NotMeasured::Unmeasured(why.clone()));
    }
    let mut names: Vec<String> = lost.iter().map(|scope| scope.unit.name.clone()).collect();
    names.sort();
    Ok(names)
}

/// Says how many orphans there are, and names the first.
fn sentence(orphans: &[String]) -> String {
    let named = orphans.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match orphans {
        [] => "no scope".to_owned(),
        [one] => one.clone(),
        _ if orphans.len() <= NAMED => format!("{} scopes ({named})", orphans.len()),
        _ => format!("{} scopes ({named}, …)", orphans.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_counts_the_orphans_and_names_three() {
        let names: Vec<String> =
            ["a.scope", "b.scope", "c.scope", "d.scope"].map(str::to_owned).into();
        assert_eq!(sentence(&names[..0]), "no scope");
        assert_eq!(sentence(&names[..1]), "a.scope");
        assert_eq!(sentence(&names[..2]), "2 scopes (a.scope, b.scope)");
        assert_eq!(sentence(&names), "4 scopes (a.scope, b.scope, c.scope, …)");
    }
}
