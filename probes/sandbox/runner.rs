use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use super::ending_signals::{EndingSignals, Interrupted};
use super::household::Household;
use super::isolation::{Sandbox, Units};
use super::private_dir::{make_dir, places, remove_run_dirs};
use super::process_tree::{descendants, kill_descendants, kill_tree};
use super::residue::patience;
use super::run_id::RunId;
use super::schedule::Schedule;
use super::settings::Settings;
use super::unit_file::look_for_directory;
use super::unit_removal::{remove_units, remove_units_under_way};
use super::worker::{Report, work};
use super::worker_process::WorkerProcess;
use crate::host::ManagerState;
use crate::measurement::{Outcome, Unable};
use crate::probe::Probe;

/// How long a worker may still take, once it was told to end, to remove what its probe made.
const CLEAN_UP: Duration = Duration::from_secs(10);
/// How much longer than its deadline a worker may live before it is taken for stuck.
const GRACE: Duration = Duration::from_millis(500);

/// Something that happened during a run.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// A probe was started.
    Started(&'a Probe),
    /// A probe has given its outcome.
    Finished(&'a Probe),
}

/// How a probe ended, and how long that took.
#[derive(Debug)]
pub struct Timed {
    /// What it measured, or why it could not.
    pub outcome: Outcome,
    /// From the start of its process until its outcome was there.
    pub elapsed: Duration,
}

/// Runs probes, `settings.jobs` at a time, each in a process of its own, and gives their outcomes
/// in the order of `probes`.
///
/// The calling process must have a single thread: it forks.
///
/// # Errors
/// When SIGINT, SIGTERM or SIGHUP ended the run, or (as the inner result) when the kernel refused
/// what every run needs: /proc, a pipe, a process.
pub fn run(
    _household: &Household,
    probes: &[&Probe],
    settings: &Settings,
    manager: &ManagerState,
    mut on_event: impl FnMut(Event),
) -> io::Result<Result<Vec<Timed>, Interrupted>> {
    let others: BTreeSet<Pid> = descendants(Pid::this()).into_iter().collect();
    let run = RunId::current()?;
    let signals = EndingSignals::take()?;
    let dir = make_run_dir(settings, &run)?;
    look_for_directory(settings.manager);
    let mut turns = Loop {
        signals,
        outcomes: probes.iter().map(|_| None).collect(),
        schedule: Schedule::of(probes.iter().map(|probe| probe.turn)),
        workers: Vec::new(),
        interrupted: None,
        has_units: false,
        killed: None,
        probes,
        settings,
        manager,
        run: &run,
        dir: &dir,
    };
    let result = turns.until_done(&mut on_event);
    kill_descendants(Pid::this(), &others);
    // All units bear the run's name.
    let prefix = run.to_string();
    let is_clean = match &turns.killed {
        Some(killed) => remove_units_under_way(settings.manager, &prefix, killed).is_ok(),
        None if turns.has_units => {
            remove_units(settings.manager, &prefix, patience(manager)).is_ok()
        }
        None => true,
    };
    remove_run_dirs(settings, &run);
    if !is_clean {
        // By this the next run knows that something of this one may be left.
        let _ = make_dir(&dir);
    }
    result
}

/// Makes the run's directory in the first place where that is possible.
fn make_run_dir(settings: &Settings, run: &RunId) -> io::Result<PathBuf> {
    let mut first = None;
    for place in places(settings) {
        let dir = place.join(run.to_string());
        match make_dir(&dir) {
            Ok(()) => return Ok(dir),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(io::Error::other(first.map_or("no directory to try".into(), |error| error.to_string())))
}

struct Loop<'a> {
    probes: &'a [&'a Probe],
    settings: &'a Settings,
    manager: &'a ManagerState,
    run: &'a RunId,
    dir: &'a PathBuf,
    signals: EndingSignals,
    outcomes: Vec<Option<Timed>>,
    schedule: Schedule,
    workers: Vec<WorkerProcess>,
    interrupted: Option<Signal>,
    /// Whether units may have been left to be removed at the end.
    has_units: bool,
    /// The processes below workers that were stuck, if any was: what they were about to make is
    /// removed at the end.
    killed: Option<BTreeSet<Pid>>,
}

impl Loop<'_> {
    fn until_done(
        &mut self,
        on_event: &mut impl FnMut(Event),
    ) -> io::Result<Result<Vec<Timed>, Interrupted>> {
        loop {
            while let Some(index) = self.next() {
                on_event(Event::Started(self.probes[index]));
                match self.start(index) {
                    Ok(worker) => self.workers.push(worker),
                    Err(error) => self.finish(index, Instant::now(), refused(&error), on_event),
                }
            }
            if self.workers.is_empty() {
                break;
            }
            self.wait_for_event()?;
            self.take_signals()?;
            self.take_results(on_event);
            self.enforce_deadlines();
        }
        Ok(match self.interrupted {
            Some(signal) => Err(Interrupted(signal)),
            None => Ok(self.outcomes.drain(..).flatten().collect()),
        })
    }

    /// Takes the next probe that may start now.
    fn next(&mut self) -> Option<usize> {
        if self.workers.len() >= self.settings.jobs || self.interrupted.is_some() {
            return None;
        }
        let running: Vec<_> = self.workers.iter().map(|it| self.probes[it.index].turn).collect();
        self.schedule.next(&running)
    }

    /// Forks the worker of one probe.
    fn start(&self, index: usize) -> io::Result<WorkerProcess> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let doctor = Pid::this();
        let deadline = Instant::now() + self.settings.timeout;
        // SAFETY: the process has a single thread (see `run`), so the child may do all it could.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(read);
                blocking(&write);
                let probe = self.probes[index];
                let id = probe.id();
                let dir = self.dir.join(&id);
                let Self { run, settings, manager, .. } = *self;
                let sandbox = Sandbox {
                    settings,
                    manager,
                    run,
                    probe: &id,
                    dir: &dir,
                    deadline,
                    units: Cell::new(Units::None),
                };
                work(probe, &sandbox, doctor, write)
            }
            ForkResult::Parent { child } => WorkerProcess::of(child, index, read, deadline + GRACE),
        }
    }

    /// Waits until a worker writes or ends, a signal arrives, or a deadline is reached.
    fn wait_for_event(&self) -> io::Result<()> {
        let mut fds = vec![PollFd::new(self.signals.as_fd(), PollFlags::POLLIN)];
        fds.extend(self.workers.iter().flat_map(WorkerProcess::events));
        let next = self.workers.iter().map(|worker| worker.kill_at).min();
        let left = next.map_or(CLEAN_UP, |at| at.saturating_duration_since(Instant::now()));
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks every worker to clean up and end, at the first signal that ends the run.
    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.next()? {
            if self.interrupted.replace(signal).is_none() {
                for worker in &mut self.workers {
                    let _ = kill(worker.pid, Signal::SIGTERM);
                    worker.kill_at = Instant::now() + CLEAN_UP;
                }
            }
        }
        Ok(())
    }

    /// Reads what workers have written and lets go of those that have ended.
    fn take_results(&mut self, on_event: &mut impl FnMut(Event)) {
        for mut worker in std::mem::take(&mut self.workers) {
            let ended = worker.has_ended();
            if worker.read_results(ended) {
                let Report { outcome, has_units } = worker.report(self.settings.timeout);
                self.has_units |= has_units;
                self.finish(worker.index, worker.started, outcome, on_event);
                worker.kill_at = worker.kill_at.max(Instant::now() + CLEAN_UP);
            }
            if ended {
                let _ = waitpid(worker.pid, None);
            } else {
                self.workers.push(worker);
            }
        }
    }

    /// Kills each worker whose time is up, with its tree.
    fn enforce_deadlines(&mut self) {
        let now = Instant::now();
        for worker in self.workers.iter_mut().filter(|worker| worker.kill_at <= now) {
            self.killed.get_or_insert_default().extend(kill_tree(worker.pid));
            worker.killed = true;
            worker.kill_at = now + CLEAN_UP;
        }
    }

    fn finish(
        &mut self,
        index: usize,
        started: Instant,
        outcome: Outcome,
        on_event: &mut impl FnMut(Event),
    ) {
        self.outcomes[index] = Some(Timed { outcome, elapsed: started.elapsed() });
        on_event(Event::Finished(self.probes[index]));
    }
}

fn refused(error: &io::Error) -> Outcome {
    Outcome::Unable(Unable::Unmeasured(format!("no process could be started for it: {error}")))
}

/// Lets the worker's writes wait for the doctor to read.
fn blocking(pipe: &OwnedFd) {
    let _ = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETFL(OFlag::empty()));
}
