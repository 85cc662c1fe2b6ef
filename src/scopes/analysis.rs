use jiff::Timestamp;

use super::reading::{PaneReading, ProcessReading, Reading, SliceReading, UnitReading};
use super::{
    MemorySource, Process, Scope, ScopeKind, Scopes, Slice, SliceLimits, SliceUsage, SortKey, sort,
};

/// Says of each unit which agent it is, and finds orphans and panes outside.
pub fn analyse(reading: Reading) -> Scopes {
    let now = reading.now;
    let mut scopes: Vec<Scope> =
        reading.units.into_iter().map(|unit| scope_of_unit(unit, now)).collect();
    let slices = reading.slices.into_iter().map(|slice| slice_of(slice, &scopes)).collect();
    scopes.extend(reading.panes.into_iter().map(|pane| scope_of_pane(pane, now)));
    sort(&mut scopes, SortKey::Name);
    Scopes {
        now,
        manager_option: reading.manager.option(),
        slices,
        scopes,
        incomplete: reading.incomplete,
    }
}

fn scope_of_unit(unit: UnitReading, now: Timestamp) -> Scope {
    let kind = ScopeKind::of(&unit.name);
    let sums = Sums::of(&unit.processes);
    let (memory_bytes, memory_source) = match unit.usage.memory_bytes {
        Some(bytes) => (bytes, MemorySource::Cgroup),
        None => (sums.resident_bytes, MemorySource::Rss),
    };
    let session = unit.owner.as_ref().and_then(|owner| owner.session.clone());
    let stem = || unit.name.rsplit_once('.').map_or(&*unit.name, |(stem, _)| stem).to_owned();
    Scope {
        kind,
        agent: session.unwrap_or_else(stem),
        orphan: unit.is_orphan,
        owner: unit.owner,
        slice: unit.slice,
        path: unit.path,
        since: unit.since,
        cpu_usec: unit.usage.cpu_usec,
        cpu_percent: percent(unit.sample, unit.usage.cpu_usec, unit.since, now),
        memory_bytes,
        memory_source,
        tasks: unit.usage.tasks.unwrap_or(sums.threads),
        frozen: unit.usage.is_frozen,
        processes: processes(unit.processes),
        outside: false,
        unit: unit.name,
    }
}

fn scope_of_pane(pane: PaneReading, now: Timestamp) -> Scope {
    let sums = Sums::of(&pane.processes);
    let since = pane.processes.iter().filter_map(|process| process.since).min();
    Scope {
        kind: ScopeKind::of(&pane.unit),
        agent: pane.owner.session.clone().unwrap_or_default(),
        owner: Some(pane.owner),
        slice: pane.slice,
        path: pane.path,
        since,
        cpu_usec: Some(sums.cpu_usec),
        cpu_percent: percent(pane.sample, Some(sums.cpu_usec), since, now),
        memory_bytes: sums.resident_bytes,
        memory_source: MemorySource::Rss,
        tasks: sums.threads,
        frozen: false,
        processes: processes(pane.processes),
        orphan: false,
        outside: true,
        unit: pane.unit,
    }
}

fn slice_of(slice: SliceReading, scopes: &[Scope]) -> Slice {
    let is_in = |scope: &&Scope| {
        scope.path.strip_prefix(&*slice.path).is_some_and(|rest| rest.starts_with('/'))
    };
    let inside = || scopes.iter().filter(is_in);
    let (memory_bytes, memory_source) = match slice.usage.memory_bytes {
        Some(bytes) => (bytes, MemorySource::Cgroup),
        None => (total(inside().map(|scope| scope.memory_bytes)), MemorySource::Rss),
    };
    let tasks = slice.usage.tasks.unwrap_or_else(|| total(inside().map(|scope| scope.tasks)));
    Slice {
        limits: SliceLimits {
            tasks: slice.limits.tasks,
            memory_max: slice.limits.memory_max,
            memory_high: slice.limits.memory_high,
            cpu_weight: slice.limits.cpu_weight,
        },
        current: SliceUsage {
            tasks,
            memory_bytes,
            memory_source,
            reclaimable_bytes: slice.usage.reclaimable_bytes,
            cpu_usec: slice.usage.cpu_usec,
        },
        name: slice.name,
        path: slice.path,
    }
}

fn total(figures: impl Iterator<Item = u64>) -> u64 {
    figures.fold(0, u64::saturating_add)
}

/// What processes use together.
struct Sums {
    cpu_usec: u64,
    resident_bytes: u64,
    threads: u64,
}

impl Sums {
    fn of(processes: &[ProcessReading]) -> Self {
        let sum = |figure: fn(&ProcessReading) -> u64| total(processes.iter().map(figure));
        Self {
            cpu_usec: sum(|process| process.cpu_usec),
            resident_bytes: sum(|process| process.resident_bytes),
            threads: sum(|process| process.threads),
        }
    }
}

fn processes(read: Vec<ProcessReading>) -> Vec<Process> {
    let process = |process: ProcessReading| Process {
        pid: process.pid,
        ppid: process.ppid,
        comm: process.comm,
        since: process.since,
        args: process.args,
    };
    read.into_iter().map(process).collect()
}

/// Returns the share of one processor in percent, with one decimal: of the sample, or else of the time since the
/// start. `None` in the first millisecond.
fn percent(
    sample: Option<(u64, u64)>,
    cpu_usec: Option<u64>,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Option<f64> {
    let (used, span) = if let Some(sample) = sample {
        sample
    } else {
        let span = now.as_microsecond().saturating_sub(since?.as_microsecond());
        (cpu_usec?, u64::try_from(span).ok()?)
    };
    (span >= 1000).then(|| (used as f64 / span as f64 * 1000.0).round() / 10.0)
}

impl Scopes {
    /// Returns how many units, orphans and panes outside there are.
    pub fn counts(&self) -> (usize, usize, usize) {
        let count = |is: fn(&Scope) -> bool| self.scopes.iter().filter(|it| is(it)).count();
        (count(|it| !it.outside), count(|it| it.orphan), count(|it| it.outside))
    }
}

#[cfg(test)]
mod tests {
    use launch_probes::host::{
        CgroupLimits, CgroupUsage, Manager, Owner, OwnerEvidence, OwnerKind, is_orphan,
    };

    use super::*;
    use crate::exit::Exit;

    const SECOND: u64 = 1_000_000;

    fn process(pid: u32, parent: u32) -> ProcessReading {
        ProcessReading {
            pid,
            ppid: parent,
            threads: 2,
            resident_bytes: 100,
            cpu_usec: 7,
            ..Default::default()
        }
    }

    fn unit(name: &str, owner: Option<Owner>) -> UnitReading {
        UnitReading {
            name: name.into(),
            slice: "agents.slice".into(),
            path: format!("/agents.slice/{name}"),
            since: Some(Timestamp::UNIX_EPOCH),
            usage: CgroupUsage { cpu_usec: Some(SECOND), ..Default::default() },
            sample: None,
            is_orphan: is_orphan(name, owner.as_ref()),
            owner,
            processes: vec![process(5, 1), process(6, 5)],
        }
    }

    fn owner(session: Option<&str>, kind: OwnerKind) -> Owner {
        let owner = Owner::without_pane(kind, OwnerEvidence::PanePid);
        Owner { session: session.map(str::to_owned), ..owner }
    }

    fn reading(units: Vec<UnitReading>) -> Reading {
        Reading {
            now: Timestamp::from_second(10).unwrap(),
            manager: Manager::User,
            slices: vec![SliceReading {
                name: "agents.slice".into(),
                path: "/agents.slice".into(),
                limits: CgroupLimits { tasks: Some(100), ..Default::default() },
                usage: CgroupUsage::default(),
            }],
            units,
            panes: Vec::new(),
            incomplete: Vec::new(),
        }
    }

    #[test]
    fn only_a_scope_without_an_owner_is_an_orphan() {
        let found = analyse(reading(vec![
            unit("lost.scope", None),
            unit("gc.scope", Some(owner(Some("mayor"), OwnerKind::Pane))),
            unit("a.service", None),
            unit("by.scope", Some(owner(None, OwnerKind::Launcher))),
        ]));
        let rows: Vec<_> =
            found.scopes.iter().map(|it| (&*it.agent, &*it.unit, it.orphan)).collect();
        let expected = [
            ("a", "a.service", false),
            ("by", "by.scope", false),
            ("lost", "lost.scope", true),
            ("mayor", "gc.scope", false),
        ];
        assert_eq!(rows, expected);
        assert_eq!((found.counts(), found.exit()), ((4, 1, 0), Exit::Findings));
    }

    #[test]
    fn without_controllers_figures_are_those_of_the_processes() {
        let found = analyse(reading(vec![unit("a.service", None)]));
        let scope = &found.scopes[0];
        assert_eq!(
            (scope.tasks, scope.memory_bytes, scope.memory_source),
            (4, 200, MemorySource::Rss)
        );
        assert_eq!((scope.cpu_usec, scope.cpu_percent), (Some(SECOND), Some(10.0)));
        let slice = &found.slices[0];
        assert_eq!((slice.current.tasks, slice.current.memory_bytes), (4, 200));
        assert_eq!(found.exit(), Exit::Success);
    }

    #[test]
    fn a_sample_outweighs_the_average() {
        let mut sampled = unit("a.service", None);
        sampled.sample = Some((SECOND / 4, SECOND / 2));
        assert_eq!(analyse(reading(vec![sampled])).scopes[0].cpu_percent, Some(50.0));
    }

    #[test]
    fn a_pane_outside_has_the_figures_of_its_own_processes() {
        let mut read = reading(vec![unit("a.service", None)]);
        read.panes.push(PaneReading {
            unit: "session-1.scope".into(),
            slice: "user-1.slice".into(),
            path: "/user.slice/session-1.scope".into(),
            owner: owner(Some("work"), OwnerKind::Pane),
            sample: None,
            processes: vec![process(9, 1)],
        });
        let found = analyse(read);
        let pane = found.scopes.iter().find(|scope| scope.outside).unwrap();
        assert_eq!((&*pane.agent, pane.tasks, pane.orphan), ("work", 2, false));
        assert_eq!((found.counts(), found.exit()), ((1, 0, 1), Exit::Findings));
    }

    #[test]
    fn what_could_not_be_read_makes_it_incomplete_unless_there_is_a_finding() {
        let mut read = reading(vec![unit("a.service", None)]);
        read.incomplete.push("a server".into());
        assert_eq!(analyse(read.clone()).exit(), Exit::Unmeasured);
        read.units.push(unit("b.scope", None));
        assert_eq!(analyse(read).exit(), Exit::Findings);
    }
}
