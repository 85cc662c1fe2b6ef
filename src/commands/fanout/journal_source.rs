use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;
use launch_probes::host::{
    Access, JournalQuery, Manager, PendingJournal, PendingTimers, QueryError, Timer, User,
    populated_units,
};

use super::history_files::HistoryFiles;
use super::journal_followup::{
    ANSWER, find_earlier_starts, find_last_lines, find_lines_without_unit,
};
use super::journal_reach::{add_reach, rate_limit};
use crate::cli::FanoutOptions;
use crate::fanout::{
    FIELDS, Fanout, Gap, Grouping, Input, Journal, JournalEvent, Reason, Source, SourceKind,
    TimerSchedule, UnitPattern, analyse, busy_stretches,
};

/// How many times a timer may elapse in the window, at most.
const ELAPSES: i64 = 2000;

/// Reads a file or this host's journal and analyses it.
///
/// # Errors
/// When a file cannot be read or is no journal.
pub(super) fn run(
    options: &FanoutOptions,
    histories: HistoryFiles,
    now: Timestamp,
) -> anyhow::Result<Fanout> {
    let mut input = if let Some(path) = &options.journal {
        from_file(path, options)?
    } else {
        let since = options.since.resolve(now);
        read_host(options, since)?
    };
    input.source.histories = histories.count;
    input.history = histories.history;
    Ok(analyse(input))
}

fn from_file(path: &Path, options: &FanoutOptions) -> anyhow::Result<Input> {
    let mut bytes = Vec::new();
    let name = if path.as_os_str() == "-" {
        io::stdin().read_to_end(&mut bytes).context("cannot read a journal from standard input")?;
        "standard input".to_owned()
    } else {
        bytes = fs::read(path)
            .with_context(|| format!("cannot read the journal {}", path.display()))?;
        path.display().to_string()
    };
    let journal = Journal::parse(&bytes, &name)?;
    let mut dispatchers = units_of(&options.dispatcher);
    if dispatchers.is_empty() {
        dispatchers = services_of_timers_in(&journal);
    }
    // A file is a window of its own.
    let mut input = input(journal, dispatchers, (None, None), options);
    input.source.kind = SourceKind::File;
    input.source.name = name;
    for stretch in busy_stretches(&input.entries, None) {
        input.gaps.push(rate_limit(stretch.entries, stretch.to - stretch.from));
    }
    Ok(input)
}

/// Reads this host's journal from `since` on, in microseconds since 1970, and what else the host
/// says about it.
///
/// # Errors
/// When the answer of `journalctl` is no journal.
pub(super) fn read_host(options: &FanoutOptions, since: i64) -> anyhow::Result<Input> {
    let present = Timestamp::now();
    let now = present.as_microsecond();
    let deadline = Instant::now() + options.timeout;
    let access = Access { manager: options.manager, deadline };
    let until = options.until.map(|it| it.resolve(present));
    let mut gaps = Vec::new();
    let mut timers = PendingTimers::start(access);
    let mut dispatchers = units_of(&options.dispatcher);
    let mut known = None;
    if dispatchers.is_empty() {
        let read = timers.and_then(PendingTimers::wait);
        timers = Err(QueryError::Timeout);
        match read {
            Ok(read) => {
                dispatchers = read.iter().map(|timer| timer.service.clone()).collect();
                known = Some(read);
            }
            Err(error) => gaps.push(timers_unknown(&error)),
        }
    }
    let pending = query(options.manager, since / 1_000_000 - 1, &dispatchers).start(deadline);
    let schedules = {
        let read = match known {
            Some(read) => Ok(read),
            None => timers.and_then(PendingTimers::wait),
        };
        match read {
            Ok(read) => schedules(&read, &dispatchers, access, since, now),
            Err(error) => {
                if gaps.is_empty() {
                    gaps.push(timers_unknown(&error));
                }
                Vec::new()
            }
        }
    };
    let journal = match pending.and_then(PendingJournal::wait) {
        Ok(bytes) => Journal::parse(&bytes, ANSWER)?,
        Err(error) => {
            gaps.push(Reason::new(Gap::NoJournal, format!("the journal cannot be read: {error}")));
            Journal::default()
        }
    };
    let mut input = input(journal, dispatchers, (Some(since), until), options);
    add_reach(&mut input, options.manager, since, &mut gaps, access);
    input.running_now = populated_units(options.manager, User::current().uid)
        .ok()
        .map(|units| units.into_iter().collect::<BTreeSet<String>>());
    input.now = Some(now);
    input.schedules = schedules;
    find_earlier_starts(&mut input, access, since);
    find_lines_without_unit(&mut input, access);
    find_last_lines(&mut input, access);
    input.gaps.extend(gaps);
    Ok(input)
}

fn input(
    journal: Journal,
    dispatchers: Vec<String>,
    window: (Option<i64>, Option<i64>),
    options: &FanoutOptions,
) -> Input {
    let mut gaps = Vec::new();
    if journal.bad.are_many(journal.entries.len() + journal.others as usize) {
        let line = journal.bad.first_line.unwrap_or_default();
        gaps.push(Reason::new(
            Gap::BadRecords,
            format!(
                "{} records of the journal cannot be read, the first at line {line}",
                journal.bad.count
            ),
        ));
    }
    let grouping = Grouping {
        units: patterns(options, &dispatchers, &journal),
        is_named: !options.dispatcher.is_empty(),
        dispatchers,
        gap: i64::try_from(options.gap.as_micros()).unwrap_or(i64::MAX),
    };
    let source = Source {
        kind: SourceKind::Journal,
        name: format!("{} journal", options.manager.name()),
        entries: journal.entries.len() as u64 + journal.others,
        bad_records: journal.bad.count,
        first_bad_line: journal.bad.first_line,
        histories: 0,
    };
    Input { source, window, gaps, expected: options.expect, ..Input::of_journal(journal, grouping) }
}

/// The patterns that were given; without one, what is called like a dispatcher (`bob-*` by
/// `bob.service`), if any unit is.
fn patterns(
    options: &FanoutOptions,
    dispatchers: &[String],
    journal: &Journal,
) -> Vec<UnitPattern> {
    if !options.units.is_empty() {
        return options.units.iter().map(|text| UnitPattern::new(text)).collect();
    }
    let named_like = dispatchers.iter().map(|dispatcher| {
        let stem = dispatcher.rsplit_once('.').map_or(dispatcher.as_str(), |(stem, _)| stem);
        UnitPattern::new(&format!("{stem}-*"))
    });
    let is_used = |pattern: &UnitPattern| {
        let mut units = journal.entries.iter().filter_map(|entry| entry.unit.as_deref());
        units.any(|unit| pattern.matches(unit))
    };
    named_like.filter(is_used).collect()
}

/// Names without a type are services.
fn units_of(names: &[String]) -> Vec<String> {
    let typed = |name: &String| match name.rsplit_once('.') {
        Some((_, "service" | "scope" | "target" | "path" | "timer")) => name.clone(),
        _ => format!("{name}.service"),
    };
    names.iter().map(typed).collect()
}

/// The services that are called like a timer of the journal.
fn services_of_timers_in(journal: &Journal) -> Vec<String> {
    let timers =
        journal.entries.iter().filter_map(|entry| entry.unit.as_deref()?.strip_suffix(".timer"));
    timers.map(|stem| format!("{stem}.service")).collect::<BTreeSet<_>>().into_iter().collect()
}

fn query(manager: Manager, since: i64, dispatchers: &[String]) -> JournalQuery<'_> {
    let writer = match manager {
        Manager::User => "_SYSTEMD_USER_UNIT",
        Manager::System => "_SYSTEMD_UNIT",
    };
    let events = JournalEvent::ALL.iter().map(|(_, id)| ("MESSAGE_ID", *id));
    let lines = dispatchers.iter().map(move |dispatcher| (writer, dispatcher.as_str()));
    let any_of = events.chain(lines).chain([("SYSLOG_IDENTIFIER", "systemd-run")]).collect();
    JournalQuery { manager, since: Some(since), until: None, any_of, fields: &FIELDS }
}

fn schedules(
    timers: &[Timer],
    dispatchers: &[String],
    access: Access,
    since: i64,
    now: i64,
) -> Vec<TimerSchedule> {
    let of_dispatcher = timers.iter().filter(|timer| dispatchers.contains(&timer.service));
    of_dispatcher
        .map(|timer| {
            let elapses =
                timer.elapses(access, since / 1_000_000, u32::try_from(ELAPSES).unwrap_or(0));
            let mut elapses = elapses.unwrap_or_default();
            let next = elapses.iter().find(|at| **at > now).copied();
            elapses.retain(|at| *at <= now);
            TimerSchedule {
                timer: timer.name.clone(),
                service: timer.service.clone(),
                elapses,
                interval: timer.interval.filter(|_| timer.calendars.is_empty()),
                slack: timer.slack,
                next,
            }
        })
        .collect()
}

fn timers_unknown(error: &QueryError) -> Reason {
    Reason::new(Gap::Timers, format!("the manager does not say when its timers elapse: {error}"))
}
