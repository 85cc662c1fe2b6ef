use std::collections::HashMap;

use super::{Claim, JournalEntry, Moment, Refusal, UnitPattern, UnitRun};

/// A fire before it is reported: a start of a dispatcher, and the runs that it launched.
#[derive(Debug, Clone, Default)]
pub struct FireRuns {
    pub at: Moment,
    /// When the dispatcher ended, if it did.
    pub end: Option<Moment>,
    pub dispatcher: Option<String>,
    /// systemd's id of the dispatcher's run.
    pub invocation: Option<String>,
    pub runs: Vec<UnitRun>,
    pub claim: Option<Claim>,
    /// What its lines say of refused launches.
    pub refusals: Vec<RefusedLine>,
}

/// A line of a dispatcher that says that a launch was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedLine {
    pub at: Moment,
    pub message: String,
    pub failure_mode: Option<&'static str>,
    pub unit: Option<String>,
}

/// How runs become fires.
#[derive(Debug, Clone)]
pub struct Grouping {
    /// The dispatchers; their starts are the fires.
    pub dispatchers: Vec<String>,
    /// Whether they were named: then a fire without units counts too.
    pub is_named: bool,
    /// The members; without one, all services and scopes.
    pub units: Vec<UnitPattern>,
    /// Without a dispatcher: how far apart two starts of one fire may be, in microseconds.
    pub gap: i64,
}

impl Grouping {
    fn is_dispatcher(&self, unit: &str) -> bool {
        self.dispatchers.iter().any(|name| name == unit)
    }

    /// Whether a unit is a member.
    pub fn is_member(&self, unit: &str) -> bool {
        if self.is_dispatcher(unit) {
            return false;
        }
        if self.units.is_empty() {
            return is_agent(unit);
        }
        self.units.iter().any(|pattern| pattern.matches(unit))
    }
}

/// Services and scopes that are not the session's own.
fn is_agent(unit: &str) -> bool {
    const OWN: [&str; 6] = ["init.scope", "dbus", "systemd-", "gpg-agent", "session-", "user@"];
    (unit.ends_with(".service") || unit.ends_with(".scope"))
        && !OWN.iter().any(|own| unit.starts_with(own))
}

/// Groups runs by the fires that launched them, in the order of time. `entries` give what the
/// dispatchers wrote.
pub fn group(runs: Vec<UnitRun>, entries: &[JournalEntry], grouping: &Grouping) -> Vec<FireRuns> {
    let (launchers, members): (Vec<UnitRun>, Vec<UnitRun>) = runs
        .into_iter()
        .filter(|run| grouping.is_dispatcher(&run.unit) || grouping.is_member(&run.unit))
        .partition(|run| grouping.is_dispatcher(&run.unit));
    let mut fires: Vec<FireRuns> = launchers
        .into_iter()
        .filter(|run| run.start.is_some())
        .map(|run| FireRuns {
            at: run.at(),
            end: run.end,
            dispatcher: Some(run.unit),
            invocation: run.invocation,
            ..FireRuns::default()
        })
        .collect();
    fires.sort_by_key(|fire| fire.at);
    let mut alone = Vec::new();
    for run in members {
        if run.start.is_none() && run.invocation.is_some() {
            // It was started before the source begins, by an earlier fire.
            continue;
        }
        match launched_by(&fires, run.at()) {
            Some(index) => fires[index].runs.push(run),
            None => alone.push(run),
        }
    }
    let streams = streams(&fires, entries);
    for entry in entries {
        read_line(&mut fires, entry, &streams);
    }
    fires.extend(cluster(alone, grouping.gap));
    fires.sort_by_key(|fire| fire.at);
    let is_fan_out = |fire: &FireRuns| {
        grouping.is_named
            || !fire.runs.is_empty()
            || fire.claim.is_some()
            || !fire.refusals.is_empty()
    };
    fires.retain(is_fan_out);
    fires
}

/// The fire that launched what started at `at`: the latest whose dispatcher was running then, or
/// else the latest before.
fn launched_by(fires: &[FireRuns], at: Moment) -> Option<usize> {
    let until = fires.partition_point(|fire| fire.at <= at);
    let same_boot = |index: &usize| fires[*index].at.boot == at.boot;
    let running = (0..until)
        .rev()
        .take(64)
        .filter(same_boot)
        .find(|index| fires[*index].end.is_none_or(|end| end >= at));
    running.or_else(|| until.checked_sub(1).filter(same_boot))
}

/// The pipes through which dispatchers write. A line of a short process can be stored without its
/// unit (systemd #33436), and never without its pipe.
fn streams<'a>(fires: &[FireRuns], entries: &'a [JournalEntry]) -> HashMap<&'a str, usize> {
    let known = entries.iter().filter_map(|entry| {
        let id = entry.writer_invocation.as_deref()?;
        let index = fires.iter().position(|fire| fire.invocation.as_deref() == Some(id))?;
        Some((entry.stream.as_deref()?, index))
    });
    known.collect()
}

/// Takes in what a dispatcher wrote.
fn read_line(fires: &mut [FireRuns], entry: &JournalEntry, streams: &HashMap<&str, usize>) {
    if entry.event.is_some() || entry.message.is_empty() {
        return;
    }
    let claim = Claim::parse(&entry.message);
    let refusal = Refusal::recognise(&entry.message);
    if claim.is_none() && refusal.is_none() {
        return;
    }
    let by_invocation = entry
        .writer_invocation
        .as_deref()
        .and_then(|id| fires.iter().position(|fire| fire.invocation.as_deref() == Some(id)));
    let by_stream = entry.stream.as_deref().and_then(|stream| streams.get(stream).copied());
    let index = by_invocation.or(by_stream).or_else(|| {
        // A launcher can exit before journald reads its cgroup: then the line has no unit.
        let is_launchers =
            entry.writer.is_none() && entry.identifier.as_deref() == Some("systemd-run");
        let is_dispatchers = fires.iter().any(|fire| fire.dispatcher == entry.writer);
        (is_launchers || (entry.writer.is_some() && is_dispatchers))
            .then(|| launched_by(fires, entry.at))
            .flatten()
    });
    let Some(fire) = index.map(|index| &mut fires[index]) else { return };
    if let Some(claim) = claim {
        fire.claim = Some(fire.claim.unwrap_or_default().updated(claim));
    }
    if let Some(refusal) = refusal {
        fire.refusals.push(RefusedLine {
            at: entry.at,
            message: refusal.message.to_owned(),
            failure_mode: refusal.failure_mode,
            unit: refusal.unit.map(str::to_owned),
        });
    }
}

/// Makes fires of runs that no dispatcher launched, by the pauses between their starts.
fn cluster(mut runs: Vec<UnitRun>, gap: i64) -> Vec<FireRuns> {
    runs.sort_by_key(UnitRun::at);
    let mut fires: Vec<FireRuns> = Vec::new();
    let mut last: Option<Moment> = None;
    for run in runs {
        let at = run.at();
        let is_close = last.is_some_and(|last| {
            last.boot == at.boot && at.monotonic.saturating_sub(last.monotonic) <= gap
        });
        last = Some(at);
        match fires.last_mut() {
            Some(fire) if is_close => fire.runs.push(run),
            _ => fires.push(FireRuns { at, runs: vec![run], ..FireRuns::default() }),
        }
    }
    fires
}
