use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, pipe2};

use super::cleanup::{UNREACHABLE_TIMEOUT, manager_timeout};
use super::need_monitor::NeedMonitor;
use super::no_measurement::{
    blocked, is_not_reached, is_unmeasured, not_reached, skipped, spawn_failed,
};
use super::probe_queue::ProbeQueue;
use super::signals::TerminationSignals;
use super::worker::{WorkerResult, run_worker};
use super::worker_handle::WorkerHandle;
use super::{CLEANUP_GRACE, Need, Probe, ProbeResult, Progress, RunError, Schedule};
use crate::exec::process_tree::kill_tree;
use crate::exec::{time_left, wait_readable};
use crate::host::{Manager, ManagerStatus};
use crate::sandbox::{Outcome, ProbeContext, RunId, Settings, UnitCleanup};

/// How long a worker may take to clean up after its probe has ended or was interrupted.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long after its deadline a worker is killed as stuck.
const KILL_GRACE: Duration = Duration::from_millis(500);
/// How long a probe may run before its needs are checked, at least; a quarter of its timeout, if that is longer. On
/// an idle host the slowest takes two seconds.
const CHECK_AFTER: Duration = Duration::from_millis(2500);
/// How many probes use a manager with very many units at the same time: with more of them it answers too late.
const JOBS_OF_LARGE_MANAGER: usize = 2;

/// The state of a run: what waits, what is running, and what is known.
pub(crate) struct EventLoop<'a> {
    probes: &'a [&'a Probe],
    settings: &'a Settings,
    manager: &'a ManagerStatus,
    run: &'a RunId,
    dir: &'a Path,
    signals: TerminationSignals,
    results: Vec<Option<ProbeResult>>,
    queue: ProbeQueue,
    workers: Vec<WorkerHandle>,
    needs: NeedMonitor<'a>,
    /// The probe that shows what bends launches, if it runs.
    control: Option<usize>,
    interrupted: Option<Signal>,
    /// Whether there may be units to remove at the end.
    has_units: bool,
    /// The descendants of killed workers, if any was killed: their pending units are removed at the end.
    killed: Option<BTreeSet<Pid>>,
}

impl<'a> EventLoop<'a> {
    /// Blocks termination signals, and queues all probes.
    pub(crate) fn new(
        probes: &'a [&'a Probe],
        settings: &'a Settings,
        manager: &'a ManagerStatus,
        run: &'a RunId,
        dir: &'a Path,
    ) -> io::Result<Self> {
        let control = probes.iter().position(|probe| probe.schedule == Schedule::Control);
        let mut needs = NeedMonitor::new(
            settings.manager,
            manager,
            run,
            dir,
            settings.deadline,
            settings.timeout,
        );
        if control.is_some() {
            needs.await_control();
        }
        Ok(Self {
            control,
            signals: TerminationSignals::block()?,
            results: probes.iter().map(|_| None).collect(),
            queue: ProbeQueue::of(probes.iter().map(|probe| (probe.group, probe.schedule))),
            workers: Vec::new(),
            needs,
            interrupted: None,
            has_units: false,
            killed: None,
            probes,
            settings,
            manager,
            run,
            dir,
        })
    }

    /// Runs all probes, and waits until their workers have exited.
    pub(crate) fn until_done(
        &mut self,
        on_event: &mut impl FnMut(Progress),
    ) -> Result<Vec<ProbeResult>, RunError> {
        self.check_user_bus();
        loop {
            if time_left(self.settings.deadline).is_zero() {
                self.stop_at_deadline(on_event);
            }
            self.start_probes(on_event);
            if self.workers.is_empty() && !self.needs.is_checking() {
                break;
            }
            self.wait_for_event()?;
            self.take_signals()?;
            self.take_results(on_event);
            if self.needs.poll() {
                self.stop_blocked(on_event);
            }
            self.check_slow_workers();
            self.kill_stuck_workers();
        }
        if self.needs.has_pending_unit {
            self.killed.get_or_insert_default();
        }
        match self.interrupted {
            Some(signal) => Err(RunError::Interrupted(signal)),
            None => Ok(self.take_outcomes()),
        }
    }

    /// Returns the descendants of killed workers, if pending units of theirs may appear.
    pub(crate) fn killed(&self) -> Option<&BTreeSet<Pid>> {
        self.killed.as_ref()
    }

    /// Reports whether there may be units to remove.
    pub(crate) fn has_units(&self) -> bool {
        self.has_units || self.needs.has_units
    }

    /// Returns how long clean-up waits for the manager.
    pub(crate) fn manager_timeout(&self) -> Duration {
        match self.needs.unresponsive(&[Need::Manager]) {
            Some(_) => UNREACHABLE_TIMEOUT,
            None => manager_timeout(self.manager),
        }
    }

    /// Checks the user's bus before any probe starts that needs it: on a bus without the user's manager a launch is
    /// refused, or reaches another manager, and a probe would take that for a behaviour of systemd.
    fn check_user_bus(&mut self) {
        let is_needed = self.probes.iter().any(|probe| probe.needs.contains(&Need::UserBus));
        let is_running = matches!(self.manager, ManagerStatus::Running { .. });
        if is_needed && is_running && self.settings.manager == Manager::User {
            self.needs.check(&[Need::UserBus]);
        }
    }

    /// Starts the probes that may start now. Those whose needs do not answer or are unmet end at once.
    fn start_probes(&mut self, on_event: &mut impl FnMut(Progress)) {
        while let Some(index) = self.next() {
            let needs = self.probes[index].needs;
            let blocked = self.needs.unresponsive(needs).map(|blocker| blocked(&blocker));
            let outcome = blocked.or_else(|| self.needs.unmet(needs).map(skipped));
            if let Some(outcome) = outcome {
                self.finish(index, Duration::ZERO, outcome, on_event);
                continue;
            }
            on_event(Progress::Started(self.probes[index]));
            match self.start(index) {
                Ok(worker) => self.workers.push(worker),
                Err(error) => self.finish(index, Duration::ZERO, spawn_failed(error), on_event),
            }
        }
    }

    /// Reports whether a manager with very many units has as many probes as it can answer in time.
    fn is_manager_busy(&self) -> bool {
        let asking = self
            .workers
            .iter()
            .filter(|worker| self.needs.involve_manager(self.probes[worker.index].needs));
        self.manager.is_large() && asking.count() >= JOBS_OF_LARGE_MANAGER
    }

    /// Removes the next probe that may start now from the queue.
    fn next(&mut self) -> Option<usize> {
        if self.workers.len() >= self.settings.jobs || self.interrupted.is_some() {
            return None;
        }
        let running: Vec<_> =
            self.workers.iter().map(|it| self.probes[it.index].schedule).collect();
        let (needs, probes) = (&self.needs, self.probes);
        let is_manager_busy = self.is_manager_busy();
        self.queue.next(&running, |index| {
            let asked = probes[index].needs;
            needs.holds(asked) || is_manager_busy && needs.involve_manager(asked)
        })
    }

    /// Forks the worker of one probe.
    fn start(&self, index: usize) -> io::Result<WorkerHandle> {
        let (read, write) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK)?;
        let doctor = Pid::this();
        let started = Instant::now();
        let deadline = started + self.settings.timeout;
        // SAFETY: the process has a single thread (see `run`), so the child may call any function.
        match unsafe { fork() }? {
            ForkResult::Child => {
                drop(read);
                set_blocking(&write);
                let probe = self.probes[index];
                let id = probe.id();
                let dir = self.dir.join(&id);
                let Self { run, settings, manager, .. } = *self;
                let context = ProbeContext {
                    settings,
                    manager,
                    run,
                    probe: &id,
                    dir: &dir,
                    deadline,
                    units: Cell::new(UnitCleanup::None),
                };
                run_worker(probe, &context, doctor, write)
            }
            ForkResult::Parent { child } => {
                let mut worker = WorkerHandle::of(child, index, read, deadline + KILL_GRACE)?;
                worker.check_at = Some(started + CHECK_AFTER.max(self.settings.timeout / 4));
                Ok(worker)
            }
        }
    }

    /// Waits until a worker writes or exits, a check has a result, a signal arrives, or a deadline passes.
    fn wait_for_event(&self) -> io::Result<()> {
        let mut fds = vec![self.signals.as_fd()];
        fds.extend(self.workers.iter().flat_map(WorkerHandle::fds));
        fds.extend(self.needs.fds());
        let deadlines = self.workers.iter().flat_map(|it| [Some(it.kill_at), it.check_at]);
        // Once the run's deadline has passed, all workers are killed, and their exits end the wait.
        let end = Some(self.settings.deadline).filter(|end| !time_left(*end).is_zero());
        let next = deadlines.chain([self.needs.next_deadline(), end]).flatten().min();
        wait_readable(&fds, next.unwrap_or_else(|| Instant::now() + CLEANUP_TIMEOUT)).map(drop)
    }

    /// Asks every worker to clean up and exit, at the first termination signal.
    fn take_signals(&mut self) -> io::Result<()> {
        while let Some(signal) = self.signals.try_recv()? {
            if self.interrupted.replace(signal).is_none() {
                self.needs.stop();
                let kill_at = (Instant::now() + CLEANUP_TIMEOUT)
                    .min(self.settings.deadline + CLEANUP_GRACE / 2);
                for worker in &mut self.workers {
                    let _ = kill(worker.pid, Signal::SIGTERM);
                    (worker.kill_at, worker.check_at) = (kill_at, None);
                }
            }
        }
        Ok(())
    }

    /// Reads the results of workers, and reaps those that have exited.
    fn take_results(&mut self, on_event: &mut impl FnMut(Progress)) {
        for mut worker in std::mem::take(&mut self.workers) {
            let exited = worker.has_exited();
            if worker.read_results(exited) {
                let WorkerResult { outcome, has_units } = worker.result(self.settings.timeout);
                self.has_units |= has_units;
                if is_unmeasured(&outcome) && self.interrupted.is_none() {
                    self.needs.check(self.probes[worker.index].needs);
                }
                self.finish(worker.index, worker.started.elapsed(), outcome, on_event);
                worker.kill_at = worker.kill_at.max(Instant::now() + CLEANUP_TIMEOUT);
                worker.check_at = None;
            }
            if exited {
                let _ = waitpid(worker.pid, None);
            } else {
                self.workers.push(worker);
            }
        }
    }

    /// Checks the needs of probes that take long.
    fn check_slow_workers(&mut self) {
        let now = Instant::now();
        for worker in &mut self.workers {
            if worker.check_at.is_some_and(|at| at <= now) {
                worker.check_at = None;
                self.needs.check(self.probes[worker.index].needs);
            }
        }
    }

    /// Kills the workers whose needs do not answer, clean-up included: they would wait for the same service.
    fn stop_blocked(&mut self, on_event: &mut impl FnMut(Progress)) {
        for index in 0..self.workers.len() {
            let probe = self.workers[index].index;
            if let Some(blocker) = self.needs.unresponsive(self.probes[probe].needs) {
                self.kill(index, &blocked(&blocker), on_event);
            }
        }
    }

    /// Kills all workers, and ends all probes that have no result.
    fn stop_at_deadline(&mut self, on_event: &mut impl FnMut(Progress)) {
        let outcome = not_reached();
        for index in 0..self.workers.len() {
            self.kill(index, &outcome, on_event);
        }
        for index in self.queue.drain() {
            self.finish(index, Duration::ZERO, outcome.clone(), on_event);
        }
        self.needs.stop();
    }

    /// Kills each worker whose deadline has passed, with its descendants.
    fn kill_stuck_workers(&mut self) {
        let now = Instant::now();
        for worker in self.workers.iter_mut().filter(|worker| worker.kill_at <= now) {
            self.killed.get_or_insert_default().extend(kill_tree(worker.pid));
            worker.killed = true;
            worker.kill_at = now + CLEANUP_TIMEOUT;
        }
    }

    /// Kills one worker with its descendants. Its probe has `outcome`, unless it has a result.
    fn kill(&mut self, index: usize, outcome: &Outcome, on_event: &mut impl FnMut(Progress)) {
        let worker = &mut self.workers[index];
        if worker.killed {
            return;
        }
        self.killed.get_or_insert_default().extend(kill_tree(worker.pid));
        worker.killed = true;
        (worker.kill_at, worker.check_at) = (Instant::now() + CLEANUP_TIMEOUT, None);
        if worker.is_measuring() {
            worker.discard_result();
            let (probe, elapsed) = (worker.index, worker.started.elapsed());
            self.finish(probe, elapsed, outcome.clone(), on_event);
        }
    }

    fn finish(
        &mut self,
        index: usize,
        elapsed: Duration,
        outcome: Outcome,
        on_event: &mut impl FnMut(Progress),
    ) {
        if self.control == Some(index) {
            self.needs.control_ended(&outcome);
        }
        let result = ProbeResult { outcome, elapsed, blocked_by: None };
        on_event(Progress::Finished(self.probes[index], self.results[index].insert(result)));
    }

    /// Returns the results, with the broken needs because of which there are no measurements.
    fn take_outcomes(&mut self) -> Vec<ProbeResult> {
        let (needs, probes) = (&self.needs, self.probes);
        let results = self.results.drain(..).zip(probes);
        results
            .filter_map(|(result, probe)| {
                let mut result = result?;
                if is_not_reached(&result.outcome) {
                    return Some(result);
                }
                result.blocked_by = needs.blocker(probe.needs, &result.outcome);
                // A probe that waited for a service which does not answer has that as its reason.
                if is_unmeasured(&result.outcome)
                    && let Some(blocker) = needs.unresponsive(probe.needs)
                {
                    result.outcome = blocked(&blocker);
                }
                Some(result)
            })
            .collect()
    }
}

/// Makes the worker's writes block until the doctor has read.
fn set_blocking(pipe: &OwnedFd) {
    let _ = fcntl(pipe, FcntlArg::F_SETFL(OFlag::empty()));
}
