use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use launch_probes::exec::wait_readable;
use launch_probes::host::{CgroupChange, CgroupEvent, CgroupWatch, User};
use launch_probes::runner::TerminationSignals;

use super::history_files::HistoryFiles;
use super::journal_source;
use crate::cli::FanoutOptions;
use crate::commands::slice_unit::slice_unit;
use crate::fanout::{
    Fanout, Gap, Moment, Reason, SourceKind, WatchChange, WatchLog, analyse_runs, unit_runs,
};

/// How long nothing may run until the watch takes that for the end (`--until-idle`): a dispatcher
/// pauses between two launches.
const IDLE: Duration = Duration::from_secs(2);

const DAY: Duration = Duration::from_hours(24);

/// Watches units begin and end, and says whether a signal cut the watch short.
///
/// # Errors
/// When the manager's cgroups cannot be watched.
pub(super) fn run(
    options: &FanoutOptions,
    histories: HistoryFiles,
) -> anyhow::Result<(Fanout, bool)> {
    let signals = TerminationSignals::block().context("cannot wait for signals")?;
    let started = Timestamp::now();
    let slice = options.slice.as_deref().filter(|slice| !slice.is_empty()).map(slice_unit);
    let uid = User::current().uid;
    let (mut watch, present) = CgroupWatch::start(options.manager, uid, slice.as_deref())
        .context("the cgroups of the manager cannot be watched")?;
    // What is launched after this line is seen.
    eprintln!("doctor: watching {}", source_name(options, slice.as_deref()));
    let mut log = WatchLog::default();
    let mut gaps = Vec::new();
    let mut events = 0u64;
    let mut take = |log: &mut WatchLog, gaps: &mut Vec<Reason>, happened: Vec<CgroupEvent>| {
        for event in happened {
            events += 1;
            add(log, gaps, &event);
        }
    };
    take(&mut log, &mut gaps, present);
    let deadline = options.watch_for.map(|span| Instant::now() + span);
    let mut idle_since = Instant::now();
    let is_cut_short = loop {
        let idle_end = (options.until_idle && log.is_idle()).then(|| idle_since + IDLE);
        let until = [deadline, idle_end].into_iter().flatten().min();
        if until.is_some_and(|until| until <= Instant::now()) {
            break false;
        }
        // Without an end the watch wakes up once a day, and goes on.
        let wake_at = until.unwrap_or_else(|| Instant::now() + DAY);
        wait_readable(&[watch.as_fd(), signals.as_fd()], wake_at).context("cannot wait")?;
        if signals.try_recv()?.is_some() {
            break deadline.is_some() || options.until_idle;
        }
        let happened = watch.take().context("cannot read the events of cgroups")?;
        if !happened.is_empty() {
            idle_since = Instant::now();
        }
        take(&mut log, &mut gaps, happened);
    };
    let happened = watch.take().unwrap_or_default();
    take(&mut log, &mut gaps, happened);
    // The journal says how they ended; the watch when.
    let mut input = journal_source::read_host(options, started.as_microsecond())?;
    let runs = log.into_runs(unit_runs(&input.entries));
    input.window = (Some(started.as_microsecond()), Some(Timestamp::now().as_microsecond()));
    input.source.kind = SourceKind::Watch;
    input.source.name = source_name(options, slice.as_deref());
    input.source.entries = events;
    input.source.histories = histories.count;
    input.history = histories.history;
    input.gaps.extend(gaps);
    Ok((analyse_runs(input, runs), is_cut_short))
}

fn source_name(options: &FanoutOptions, slice: Option<&str>) -> String {
    match slice {
        Some(slice) => format!("cgroups of {slice}"),
        None => format!("cgroups of the {} manager", options.manager.name()),
    }
}

fn add(log: &mut WatchLog, gaps: &mut Vec<Reason>, event: &CgroupEvent) {
    let at = Moment { boot: 0, monotonic: event.monotonic, realtime: event.realtime };
    let change = match event.change {
        CgroupChange::Present { since } => WatchChange::Present { since },
        CgroupChange::Created => WatchChange::Created,
        CgroupChange::Populated => WatchChange::Began,
        CgroupChange::Empty => WatchChange::Ended,
        CgroupChange::Removed => WatchChange::Removed,
        CgroupChange::Overflow => {
            let text = "the kernel dropped events of the watch";
            gaps.push(Reason::new(Gap::WatchOverflow, text));
            return;
        }
    };
    log.add(&event.unit, change, at);
}
