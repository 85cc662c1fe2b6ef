use std::time::Duration;

use jiff::SignedDuration;

use super::{Scope, Scopes, SortKey, sort};

/// Which rows are shown.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Units, agents, processes, panes and sessions; all if empty.
    pub names: Vec<String>,
    /// Only orphans.
    pub orphans: bool,
    /// Only what is at least so old.
    pub older: Option<Duration>,
    pub sort: SortKey,
}

/// Names that are no row's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no unit, agent, process, pane or session is called {}{}", shown(.names), hint(.nearest.as_deref()))]
pub struct NotFound {
    pub names: Vec<String>,
    /// The name that is most like the first.
    pub nearest: Option<String>,
}

fn shown(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

impl Filter {
    /// Leaves the rows that it selects, and sorts them.
    ///
    /// # Errors
    /// If a name selects no row.
    pub fn apply(&self, scopes: &mut Scopes) -> Result<(), NotFound> {
        let is_missing = |name: &&String| !scopes.scopes.iter().any(|scope| matches(scope, name));
        let missing: Vec<String> = self.names.iter().filter(is_missing).cloned().collect();
        if let Some(first) = missing.first() {
            let known = scopes.scopes.iter().flat_map(names);
            let nearest = nearest(first, known);
            return Err(NotFound { names: missing, nearest });
        }
        let now = scopes.now;
        let older = self.older.and_then(|span| SignedDuration::try_from(span).ok());
        scopes.scopes.retain(|scope| {
            let is_named =
                self.names.is_empty() || self.names.iter().any(|name| matches(scope, name));
            let is_old = older.is_none_or(|span| {
                scope.since.is_some_and(|since| now.duration_since(since) >= span)
            });
            is_named && is_old && (scope.orphan || !self.orphans)
        });
        sort(&mut scopes.scopes, self.sort);
        Ok(())
    }
}

/// Returns whether a name on the command line means a row: its unit with or without the type, its agent, one of its
/// processes, its pane by id or target, its window or its session.
fn matches(scope: &Scope, name: &str) -> bool {
    if name.parse().is_ok_and(|pid: u32| scope.processes.iter().any(|it| it.pid == pid)) {
        return true;
    }
    let owner = scope.owner.as_ref();
    let is_pane = owner.is_some_and(|owner| {
        let session = owner.session.as_deref().unwrap_or_default();
        let window = owner.window.map(|window| format!("{session}:{window}"));
        owner.pane_id.as_deref() == Some(name) || window.as_deref() == Some(name)
    });
    is_pane || names(scope).any(|known| known == name)
}

fn names(scope: &Scope) -> impl Iterator<Item = String> {
    let stem = scope.unit.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    let session = scope.owner.as_ref().and_then(|owner| owner.session.clone());
    // The unit of a pane outside is shared with other processes, and so is no name of it.
    let unit = (!scope.outside).then(|| scope.unit.clone());
    let stem = stem.filter(|_| !scope.outside);
    let all = [unit, stem, Some(scope.agent.clone()), scope.target(), session];
    all.into_iter().flatten().filter(|name| !name.is_empty())
}

/// Returns the known name that is most like a wrong one, if any is like it.
pub fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    let scored = known.map(|known| (strsim::damerau_levenshtein(name, &known), known));
    let limit = name.chars().count().div_ceil(3).max(1);
    scored.filter(|(distance, _)| *distance <= limit).min().map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use launch_probes::host::{Owner, OwnerEvidence, OwnerKind};

    use super::super::{MemorySource, Process, ScopeKind};
    use super::*;

    fn scope(unit: &str, session: Option<&str>, pid: u32) -> Scope {
        let owner = session.map(|session| Owner {
            session: Some(session.into()),
            window: Some(0),
            pane: Some(1),
            pane_id: Some("%7".into()),
            ..Owner::without_pane(OwnerKind::Pane, OwnerEvidence::PanePid)
        });
        let processes = vec![Process { pid, ppid: 1, comm: "a".into(), since: None, args: None }];
        Scope {
            unit: unit.into(),
            kind: ScopeKind::of(unit),
            agent: session.unwrap_or(unit).into(),
            slice: "a.slice".into(),
            path: String::new(),
            orphan: owner.is_none(),
            owner,
            since: Some(Timestamp::from_second(i64::from(pid)).unwrap()),
            cpu_usec: None,
            cpu_percent: None,
            memory_bytes: u64::from(pid),
            memory_source: MemorySource::Rss,
            tasks: 1,
            frozen: false,
            processes,
            outside: false,
        }
    }

    fn scopes() -> Scopes {
        let scopes = vec![scope("gc.scope", Some("mayor"), 10), scope("lost.scope", None, 20)];
        Scopes {
            now: Timestamp::from_second(30).unwrap(),
            manager_option: "--user",
            slices: Vec::new(),
            scopes,
            incomplete: Vec::new(),
        }
    }

    fn shown(filter: Filter) -> Result<Vec<String>, NotFound> {
        let mut scopes = scopes();
        filter.apply(&mut scopes)?;
        Ok(scopes.scopes.into_iter().map(|scope| scope.unit).collect())
    }

    #[test]
    fn a_row_is_found_by_every_name_that_it_has() {
        for name in ["gc.scope", "gc", "mayor", "mayor:0.1", "mayor:0", "%7", "10"] {
            let filter = Filter { names: vec![name.into()], ..Filter::default() };
            assert_eq!(shown(filter).as_deref(), Ok(&["gc.scope".to_owned()][..]), "{name}");
        }
    }

    #[test]
    fn a_name_that_is_missing_is_answered_with_the_nearest() {
        let filter = Filter { names: vec!["mayr".into()], ..Filter::default() };
        let error = shown(filter).unwrap_err();
        assert_eq!(error.nearest.as_deref(), Some("mayor"));
        assert!(error.to_string().ends_with("called `mayr`; did you mean `mayor`?"));
        let filter = Filter { names: vec!["%99".into()], ..Filter::default() };
        assert_eq!(shown(filter).unwrap_err().nearest, None);
    }

    #[test]
    fn orphans_and_old_ones_are_selected() {
        let orphans = Filter { orphans: true, ..Filter::default() };
        assert_eq!(shown(orphans).unwrap(), ["lost.scope"]);
        let older = Filter { older: Some(Duration::from_secs(15)), ..Filter::default() };
        assert_eq!(shown(older).unwrap(), ["gc.scope"]);
    }

    #[test]
    fn rows_are_sorted_by_a_figure() {
        let by = |sort| shown(Filter { sort, ..Filter::default() }).unwrap();
        assert_eq!(by(SortKey::Memory), ["lost.scope", "gc.scope"]);
        assert_eq!(by(SortKey::Since), ["gc.scope", "lost.scope"]);
        assert_eq!(by(SortKey::Cpu), ["lost.scope", "gc.scope"]);
    }
}
