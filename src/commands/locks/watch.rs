use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use launch_probes::exec::wait_readable;
use launch_probes::host::LockWatch;
use launch_probes::runner::TerminationSignals;

use super::files::LockFiles;
use super::read::Reading;
use crate::cli::{LocksFormat, LocksOptions};
use crate::locks::changes;
use crate::report::locks::{event, event_line};
use crate::sink;

/// The kernel reports that a file was opened or closed, and that a process exited. It reports neither that an open
/// file was locked or unlocked, nor that a waiter got the lock: those states can only be read again and again. They
/// change most often just after an event.
const POLL: Duration = Duration::from_millis(100);
const POLL_AFTER_EVENT: Duration = Duration::from_millis(2);
/// How long after an event the states are read at the higher rate.
const SETTLE: Duration = Duration::from_millis(60);

/// Shows each change with its time, until a signal or the end of `--for`.
///
/// # Errors
/// When a path cannot be examined or watched.
pub(super) fn run(files: &LockFiles, options: &LocksOptions) -> anyhow::Result<ExitCode> {
    let signals = TerminationSignals::block().context("cannot wait for signals")?;
    let paths: Vec<PathBuf> =
        files.named.iter().chain(&files.candidates).chain(&files.git_locks).cloned().collect();
    let dirs = files.repositories.iter().map(|git| git.common_dir.clone());
    let mut watch = LockWatch::start(&paths, dirs.collect::<Vec<_>>().as_slice())
        .context("the directories of the locks cannot be watched")?;
    let mut reading = Reading::take(files, options.patience, true)?;
    write(options, &[], &reading)?;
    let count = reading.rows.len();
    let locks = if count == 1 { "lock" } else { "locks" };
    eprintln!("doctor: watching {count} {locks}");
    let end = options.watch_for.map(|span| Instant::now() + span);
    let mut settle_until = Instant::now();
    loop {
        watch.follow(processes(&reading));
        let poll = if Instant::now() < settle_until { POLL_AFTER_EVENT } else { POLL };
        let wake_at = (Instant::now() + poll).min(end.unwrap_or(Instant::now() + poll));
        let mut fds = watch.fds();
        fds.push(signals.as_fd());
        let ready = wait_readable(&fds, wake_at).context("cannot wait")?;
        if ready.iter().any(|ready| *ready) && watch.take().context("cannot read events")? {
            settle_until = Instant::now() + SETTLE;
        }
        if signals.try_recv()?.is_some() || end.is_some_and(|end| end <= Instant::now()) {
            break;
        }
        let now = Reading::take(files, options.patience, false)?;
        write(options, &reading.rows, &now)?;
        reading = now;
    }
    Ok(reading.into_report().exit.into())
}

/// Returns the processes that hold or wait for one of the locks.
fn processes(reading: &Reading) -> Vec<u32> {
    let holders = reading.rows.iter().flat_map(|row| row.holders.iter().map(|it| it.pid));
    let waiters = reading.rows.iter().flat_map(|row| row.waiters.iter().map(|it| it.pid));
    holders.chain(waiters).collect()
}

fn write(
    options: &LocksOptions,
    before: &[crate::locks::LockRow],
    now: &Reading,
) -> anyhow::Result<()> {
    let at = Timestamp::try_from(now.at).unwrap_or(Timestamp::UNIX_EPOCH);
    for change in changes(before, &now.rows, at) {
        let text = match options.format {
            LocksFormat::Human => event(&change),
            LocksFormat::Json => event_line(&change),
        };
        sink::write(&text, None)?;
    }
    Ok(())
}
