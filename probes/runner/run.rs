use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::cleanup::{remove_pending_units, remove_units};
use super::event_loop::EventLoop;
use super::{Blocker, Probe, RunError, Schedule, Subreaper};
use crate::PROBES;
use crate::exec::process_tree::{descendants, end_descendants};
use crate::host::ManagerStatus;
use crate::sandbox::run_dir::{candidate_dirs, make_dir, remove_run_dirs};
use crate::sandbox::unit_file::note_unit_dir_state;
use crate::sandbox::{Outcome, RunId, Settings};

/// How long clean-up may take after a run's deadline. A shorter deadline makes no sense.
pub const CLEANUP_GRACE: Duration = Duration::from_secs(1);

/// An event of a run.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A probe has started.
    Started(&'a Probe),
    /// A probe has ended, or cannot be started.
    Finished(&'a Probe, &'a ProbeResult),
}

/// The outcome of one probe and its run time.
#[derive(Debug)]
pub struct ProbeResult {
    /// What the probe measured, or why it could not.
    pub outcome: Outcome,
    /// The time from the start of the worker to its outcome; zero for a probe that was not started.
    pub elapsed: Duration,
    /// The broken need because of which there is no measurement, if one is known.
    pub blocked_by: Option<Blocker>,
}

/// Runs probes, up to `settings.jobs` at a time, each in its own process. Returns their results in the
/// order of `probes`.
///
/// A probe whose need does not answer is not started. At `settings.deadline` the run ends, and clean-up takes
/// up to [`CLEANUP_GRACE`] more.
///
/// The calling process must have a single thread, because it forks.
///
/// # Errors
/// If SIGINT, SIGTERM or SIGHUP ended the run, or the kernel refused /proc, a pipe or a process.
pub fn run(
    _subreaper: &Subreaper,
    probes: &[&Probe],
    settings: &Settings,
    manager: &ManagerStatus,
    mut on_event: impl FnMut(Progress),
) -> Result<Vec<ProbeResult>, RunError> {
    let others: BTreeSet<Pid> = descendants(Pid::this()).into_iter().collect();
    let run = RunId::current()?;
    let dir = make_run_dir(settings, &run)?;
    note_unit_dir_state(settings.manager);
    let with_control = with_control(probes, manager);
    let mut event_loop = EventLoop::new(&with_control, settings, manager, &run, &dir)?;
    let is_chosen = |probe: &Probe| probes.iter().any(|chosen| chosen.name == probe.name);
    let result = event_loop.until_done(&mut |event| match event {
        Progress::Started(probe) | Progress::Finished(probe, _) if !is_chosen(probe) => {}
        event => on_event(event),
    });
    end_descendants(&others);
    // The names of all units begin with the run's id.
    let prefix = run.to_string();
    let deadline = cleanup_deadline(settings, event_loop.manager_timeout());
    let is_clean = match event_loop.killed() {
        Some(killed) => remove_pending_units(settings.manager, &prefix, killed, deadline).is_ok(),
        None if event_loop.has_units() => remove_units(settings.manager, &prefix, deadline).is_ok(),
        None => true,
    };
    remove_run_dirs(settings, &run);
    if !is_clean {
        // The next run finds the directory, and then removes what is left.
        let _ = make_dir(&dir);
    }
    result.map(|mut results| {
        results.truncate(probes.len());
        results
    })
}

/// Adds the probe that shows what bends launches, if one of `probes` needs launches that nothing bends.
fn with_control<'a>(probes: &[&'a Probe], manager: &ManagerStatus) -> Vec<&'a Probe> {
    let needs_control = |probe: &&Probe| probe.needs.iter().any(|need| need.is_plain_launch());
    let is_control = |probe: &&Probe| probe.schedule == Schedule::Control;
    let mut all = probes.to_vec();
    let is_running = matches!(manager, ManagerStatus::Running { .. });
    if is_running && probes.iter().any(needs_control) && !probes.iter().any(is_control) {
        all.extend(PROBES.iter().find(is_control));
    }
    all
}

/// Returns when clean-up ends: after `timeout`, but not later than the run may take.
fn cleanup_deadline(settings: &Settings, timeout: Duration) -> Instant {
    (Instant::now() + timeout).min(settings.deadline + CLEANUP_GRACE)
}

/// Creates the run's directory in the first candidate directory where that is possible.
fn make_run_dir(settings: &Settings, run: &RunId) -> io::Result<PathBuf> {
    let mut first = None;
    for parent in candidate_dirs(settings) {
        let dir = parent.join(run.to_string());
        match make_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let message = first.map_or("no directory for temporary files".into(), |it| it.to_string());
    Err(io::Error::other(message))
}
