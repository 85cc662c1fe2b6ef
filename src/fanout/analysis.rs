use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::completeness::gaps_in;
use super::fire::{FireRuns, Grouping, group};
use super::lock_attribution::{history_gaps, holds, locks_of, violations_in};
use super::lock_usage::lock_usages;
use super::model::{
    Fanout, Fire, FireUnit, RefusedLaunch, Skipped, Source, Totals, Trigger, Window,
};
use super::{
    Gap, Journal, JournalEntry, JournalEvent, LockHistory, Moment, Outcome, Peak, Reason,
    SkipReason, TimerSchedule, UnitRun, Violations, peak, unit_runs,
};

/// Everything that an analysis is made of.
#[derive(Debug)]
pub struct Input {
    /// The entries, in the order of [`Moment`].
    pub entries: Vec<JournalEntry>,
    pub history: Option<LockHistory>,
    pub schedules: Vec<TimerSchedule>,
    pub grouping: Grouping,
    pub window: (Option<i64>, Option<i64>),
    pub source: Source,
    /// Units that run now, if the source is this host.
    pub running_now: Option<BTreeSet<String>>,
    /// The present, if the source is this host, in microseconds since 1970.
    pub now: Option<i64>,
    /// Gaps that the reader found.
    pub gaps: Vec<Reason>,
    pub expected: Option<u32>,
}

impl Input {
    /// A journal alone, of no known window or host.
    pub fn of_journal(journal: Journal, grouping: Grouping) -> Self {
        Self {
            entries: journal.entries,
            history: None,
            schedules: Vec::new(),
            grouping,
            window: (None, None),
            source: Fanout::empty().source,
            running_now: None,
            now: None,
            gaps: Vec::new(),
            expected: None,
        }
    }
}

/// Analyses a journal and lock histories.
pub fn analyse(mut input: Input) -> Fanout {
    input.entries.retain(is_from_manager);
    let mut runs = unit_runs(&input.entries);
    bound_ends(&mut runs, &input.entries, input.running_now.as_ref(), input.now);
    analyse_runs(input, runs)
}

/// Analyses runs that are known already, as those of a watch; the entries give what dispatchers
/// wrote.
pub fn analyse_runs(input: Input, runs: Vec<UnitRun>) -> Fanout {
    let Input { entries, history, schedules, grouping, window, source, .. } = input;
    let mut gaps = input.gaps;
    gaps.extend(gaps_in(&entries));
    let orphans: Vec<&UnitRun> = runs
        .iter()
        .filter(|run| run.lacks_start() && grouping.is_member(&run.unit))
        .filter(|run| window.0.is_none_or(|since| run.first_seen.realtime >= since))
        .collect();
    if let Some(first) = orphans.first() {
        let others = match orphans.len() - 1 {
            0 => String::new(),
            others => format!(", nor those of {others} others"),
        };
        gaps.push(Reason::new(
            Gap::EndWithoutStart,
            format!("the start of {} is not in the journal, only its end{others}", first.unit),
        ));
    }
    let fires = group(runs, &entries, &grouping);
    let mut fanout = report_fires(&fires, history.as_ref(), &schedules, window);
    fanout.source = source;
    fanout.dispatchers.clone_from(&grouping.dispatchers);
    fanout.units = grouping.units.iter().map(|it| it.as_str().to_owned()).collect();
    fanout.expected = input.expected;
    finish(fanout, history.as_ref(), gaps)
}

/// Puts the parts together that every kind of source has: locks, sums, completeness.
pub fn finish(mut fanout: Fanout, history: Option<&LockHistory>, mut gaps: Vec<Reason>) -> Fanout {
    if let Some(history) = history {
        fanout.locks = lock_usages(history);
        fanout.holds = holds(history, fanout.window.since, fanout.window.until);
        gaps.extend(history_gaps(history));
        fanout.source.bad_records += history.bad.count;
        fanout.source.first_bad_line = fanout.source.first_bad_line.or(history.bad.first_line);
    }
    fanout.totals = totals(&fanout);
    gaps.sort_by_key(|gap| gap.reason);
    gaps.dedup();
    fanout.complete = gaps.is_empty();
    fanout.why = gaps;
    fanout
}

/// An entry about a unit counts only if a manager wrote it: any program can use the same message id.
/// That a program could not be executed is said by the process that was to become it.
fn is_from_manager(entry: &JournalEntry) -> bool {
    match entry.event {
        None
        | Some(
            JournalEvent::SpawnFailed
            | JournalEvent::Dropped
            | JournalEvent::OomKill
            | JournalEvent::OomdKill,
        ) => true,
        Some(_) => entry.writer.as_deref().is_none_or(|writer| writer == "init.scope"),
    }
}

/// Says of every run without an end whether it runs now, or else when it has ended at the latest.
fn bound_ends(
    runs: &mut [UnitRun],
    entries: &[JournalEntry],
    running_now: Option<&BTreeSet<String>>,
    now: Option<i64>,
) {
    let mut last_of_boot: BTreeMap<u32, Moment> = BTreeMap::new();
    for entry in entries {
        last_of_boot.insert(entry.at.boot, entry.at);
    }
    let last_boot = last_of_boot.keys().next_back().copied();
    let mut next_start: BTreeMap<String, Moment> = BTreeMap::new();
    for run in runs.iter_mut().rev() {
        let Some(start) = run.start else { continue };
        let next = next_start.insert(run.unit.clone(), start);
        if run.end.is_some() || run.outcome != Outcome::EndUnknown {
            continue;
        }
        let is_newest = next.is_none() && Some(start.boot) == last_boot;
        if is_newest && running_now.is_some_and(|units| units.contains(&run.unit)) {
            run.outcome = Outcome::Running;
            continue;
        }
        let same_boot = next.filter(|next| next.boot == start.boot);
        // Another boot ended everything; and what does not run now has ended by now.
        let end_of_boot = (Some(start.boot) != last_boot)
            .then(|| last_of_boot.get(&start.boot).copied())
            .flatten();
        let present = now
            .filter(|_| running_now.is_some())
            .map(|now| start.plus(now.saturating_sub(start.realtime).max(0)));
        run.latest_end = same_boot.or(end_of_boot).or(present);
    }
}

fn report_fires(
    fires: &[FireRuns],
    history: Option<&LockHistory>,
    schedules: &[TimerSchedule],
    (since, until): (Option<i64>, Option<i64>),
) -> Fanout {
    let time = |micros: i64| Moment::from_realtime(micros).timestamp();
    let in_window = |fire: &FireRuns| {
        since.is_none_or(|since| fire.at.realtime >= since)
            && until.is_none_or(|until| fire.at.realtime <= until)
    };
    let mut reported = Vec::with_capacity(fires.len());
    let mut previous: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    for (index, fire) in fires.iter().enumerate() {
        let schedule = fire.dispatcher.as_deref().and_then(|dispatcher| {
            schedules.iter().find(|schedule| schedule.service == dispatcher)
        });
        let mut trigger = Trigger::Unknown;
        let mut swallowed = 0;
        if let Some(dispatcher) = fire.dispatcher.as_deref() {
            let run = (fire.at.realtime, fire.end.map(|end| end.realtime));
            let before = previous.insert(dispatcher, run);
            if let Some(schedule) = schedule {
                let elapsed = schedule.elapsed(fire.at.realtime, before);
                trigger = if elapsed.by_timer { Trigger::Timer } else { Trigger::Other };
                swallowed = elapsed.swallowed;
            }
        } else {
            trigger = Trigger::Cluster;
        }
        if in_window(fire) {
            let next = fires.get(index + 1).map(|next| next.at.realtime);
            let mut report = report_fire(fire, history, next, trigger);
            report.swallowed_before = swallowed;
            reported.push(report);
        }
    }
    reported.reverse();
    let next = schedules.iter().filter_map(|schedule| schedule.next).min();
    Fanout {
        window: Window { since: since.and_then(time), until: until.and_then(time) },
        next_fire: next.and_then(time),
        fires: reported,
        ..Fanout::empty()
    }
}

/// Reports one fire. `next` is when the next one came, in microseconds since 1970.
pub fn report_fire(
    fire: &FireRuns,
    history: Option<&LockHistory>,
    next: Option<i64>,
    trigger: Trigger,
) -> Fire {
    let count = |test: fn(&UnitRun) -> bool| {
        u32::try_from(fire.runs.iter().filter(|run| test(run)).count()).unwrap_or(u32::MAX)
    };
    let starts = fire.runs.iter().filter(|run| !run.is_restart).filter_map(|run| run.start);
    let (first, last) = (starts.clone().min(), starts.max());
    Fire {
        at: fire.at.timestamp().unwrap_or_default(),
        trigger,
        dispatcher: fire.dispatcher.clone(),
        claimed: fire.claim,
        spawned: count(|run| run.outcome.ran() && run.start.is_some() && !run.is_restart),
        skipped: Skipped {
            condition: count(|run| run.skip == Some(SkipReason::Condition)),
            exec_condition: count(|run| run.skip == Some(SkipReason::ExecCondition)),
            lock_busy: count(|run| run.skip == Some(SkipReason::LockBusy)),
        },
        refused: fire.refusals.iter().filter_map(refused_launch).collect(),
        failed: count(|run| run.outcome == Outcome::Failed && !run.is_restart),
        stopped: count(|run| run.outcome == Outcome::Stopped && !run.is_restart),
        end_unknown: count(|run| run.outcome == Outcome::EndUnknown && !run.is_restart),
        running: count(|run| run.outcome == Outcome::Running),
        peak: peak(&fire.runs),
        spread_ms: first.zip(last).map(|(first, last)| last.seconds_since(first) * 1000.0),
        swallowed_before: 0,
        violations: history.map_or_else(Violations::default, |it| violations_in(it, fire, next)),
        units: units(fire, history),
    }
}

fn refused_launch(line: &super::fire::RefusedLine) -> Option<RefusedLaunch> {
    Some(RefusedLaunch {
        at: line.at.timestamp()?,
        message: line.message.clone(),
        failure_mode: line.failure_mode,
        unit: line.unit.clone(),
    })
}

fn units(fire: &FireRuns, history: Option<&LockHistory>) -> Vec<FireUnit> {
    let time = |moment: Option<Moment>| moment.and_then(Moment::timestamp);
    let ran = fire.runs.iter().map(|run| FireUnit {
        unit: run.unit.clone(),
        invocation: run.invocation.clone(),
        at: run.at().timestamp().unwrap_or_default(),
        start: time(run.start),
        end: time(run.end),
        end_source: run.end_source,
        outcome: run.outcome,
        skip: run.skip,
        detail: run.detail.clone(),
        exit: run.exit,
        seconds: run.seconds(),
        restart: run.is_restart,
        latest_end: time(run.latest_end),
        locks: history.map(|history| locks_of(history, run)).unwrap_or_default(),
    });
    let refused = fire.refusals.iter().filter_map(|line| {
        Some(FireUnit {
            unit: line.unit.clone()?,
            invocation: None,
            at: line.at.timestamp()?,
            start: None,
            end: None,
            end_source: None,
            outcome: Outcome::Refused,
            skip: None,
            detail: Some(line.message.clone()),
            exit: None,
            seconds: None,
            restart: false,
            latest_end: None,
            locks: Vec::new(),
        })
    });
    ran.chain(refused).collect()
}

fn totals(fanout: &Fanout) -> Totals {
    let fires = &fanout.fires;
    let refused: usize = fires.iter().map(|fire| fire.refused.len()).sum();
    Totals {
        peak_concurrency: fires.iter().map(|fire| fire.peak.low).max().unwrap_or(0),
        total_acquisitions: fanout.locks.iter().map(|lock| lock.acquisitions).sum(),
        same_lock_violations: fanout.locks.iter().map(|lock| lock.violations.proved).sum(),
        spawned: fires.iter().map(|fire| fire.spawned).sum(),
        skipped: fires.iter().map(|fire| fire.skipped.total()).sum(),
        refused: u32::try_from(refused).unwrap_or(u32::MAX),
        failed: fires.iter().map(|fire| fire.failed).sum(),
        claimed: fires.iter().filter_map(|fire| fire.claimed.and_then(|it| it.spawned)).sum(),
        swallowed: fires.iter().map(|fire| fire.swallowed_before).sum(),
    }
}

impl Fanout {
    /// Returns one in which nothing has happened.
    pub fn empty() -> Self {
        Self {
            window: Window { since: None, until: None },
            source: Source {
                kind: super::SourceKind::Journal,
                name: String::new(),
                entries: 0,
                bad_records: 0,
                first_bad_line: None,
                histories: 0,
            },
            dispatchers: Vec::new(),
            units: Vec::new(),
            complete: true,
            why: Vec::new(),
            fires: Vec::new(),
            locks: Vec::new(),
            holds: Vec::new(),
            totals: Totals::default(),
            next_fire: None::<Timestamp>,
            expected: None,
        }
    }

    /// Returns the peak of all fires.
    pub fn peak(&self) -> Peak {
        let most = |bound: fn(&Fire) -> u32| self.fires.iter().map(bound).max().unwrap_or(0);
        Peak { low: most(|fire| fire.peak.low), high: most(|fire| fire.peak.high) }
    }
}
