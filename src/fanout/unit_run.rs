use std::collections::{HashMap, HashSet};

use super::outcome::LOCK_BUSY;
use super::{EndSource, JournalEntry, JournalEvent, Moment, Outcome, SkipReason};

/// One run of a unit: from its start to its end, as far as the source says.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitRun {
    pub unit: String,
    /// systemd's id of this run; `None` for a unit that was not started.
    pub invocation: Option<String>,
    pub start: Option<Moment>,
    pub end: Option<Moment>,
    pub end_source: Option<EndSource>,
    pub outcome: Outcome,
    pub skip: Option<SkipReason>,
    /// What there is to say about the outcome, such as `exit status 3`.
    pub detail: Option<String>,
    pub exit: Option<i32>,
    /// systemd started it again by itself (`Restart=`).
    pub is_restart: bool,
    /// Whether its start phase was announced, so that `start` is before its first process.
    pub has_start_phase: bool,
    /// The first and the last moment at which the source mentions it.
    pub first_seen: Moment,
    pub last_seen: Moment,
    /// The latest moment at which it can have ended, where its end is unknown.
    pub latest_end: Option<Moment>,
}

/// What is known of a run while its entries are read.
#[derive(Debug)]
struct Progress {
    run: UnitRun,
    stopping: bool,
    has_failed: bool,
    restarts: bool,
    out_of_memory: bool,
    spawn_error: Option<String>,
}

/// Puts the runs of units together out of the entries of a journal, in the order of their starts.
///
/// Entries must be in the order of [`Moment`].
pub fn unit_runs(entries: &[JournalEntry]) -> Vec<UnitRun> {
    let mut runs: Vec<Progress> = Vec::new();
    let mut by_invocation: HashMap<(&str, &str), usize> = HashMap::new();
    let mut restarting: HashSet<&str> = HashSet::new();
    for entry in entries {
        let (Some(event), Some(unit)) = (entry.event, entry.unit.as_deref()) else { continue };
        let invocation = entry.invocation.as_deref().unwrap_or_default();
        if invocation.is_empty() {
            runs.extend(Progress::never_started(entry, event, unit));
            continue;
        }
        let index = *by_invocation.entry((unit, invocation)).or_insert_with(|| {
            let mut progress = Progress::new(unit, Some(invocation), entry.at);
            progress.run.is_restart = restarting.remove(unit);
            runs.push(progress);
            runs.len() - 1
        });
        if event == JournalEvent::RestartScheduled {
            restarting.insert(unit);
        }
        runs[index].take(entry, event);
    }
    let mut runs: Vec<UnitRun> = runs.into_iter().map(|progress| progress.run).collect();
    runs.sort_by_key(|run| run.start.unwrap_or(run.first_seen));
    runs
}

impl Progress {
    fn new(unit: &str, invocation: Option<&str>, at: Moment) -> Self {
        let run = UnitRun {
            unit: unit.to_owned(),
            invocation: invocation.map(str::to_owned),
            start: None,
            end: None,
            end_source: None,
            outcome: Outcome::EndUnknown,
            skip: None,
            detail: None,
            exit: None,
            is_restart: false,
            has_start_phase: false,
            first_seen: at,
            last_seen: at,
            latest_end: None,
        };
        Self {
            run,
            stopping: false,
            has_failed: false,
            restarts: false,
            out_of_memory: false,
            spawn_error: None,
        }
    }

    /// A start job that ended without starting anything: such an entry has no invocation.
    fn never_started(entry: &JournalEntry, event: JournalEvent, unit: &str) -> Option<Self> {
        let mut progress = Self::new(unit, None, entry.at);
        let run = &mut progress.run;
        match (event, entry.job_result.as_deref()) {
            (JournalEvent::Started, _) => {
                run.outcome = Outcome::Skipped;
                run.skip = Some(SkipReason::Condition);
                run.detail = Some("a condition was not met".into());
            }
            (JournalEvent::StartFailed, Some("assert")) => {
                run.outcome = Outcome::Skipped;
                run.skip = Some(SkipReason::Condition);
                run.detail = Some("an assertion failed".into());
            }
            (JournalEvent::StartFailed, result) => {
                run.outcome = Outcome::Failed;
                run.detail = Some(format!("its start job failed: {}", result.unwrap_or("failed")));
            }
            _ => return None,
        }
        Some(progress)
    }

    fn take(&mut self, entry: &JournalEntry, event: JournalEvent) {
        self.run.last_seen = entry.at;
        match event {
            JournalEvent::Starting => {
                self.run.start = Some(self.run.start.unwrap_or(entry.at));
                self.run.has_start_phase = true;
            }
            JournalEvent::Started => self.started(entry),
            JournalEvent::ProcessExit => self.process_exit(entry),
            JournalEvent::Failed => self.failed(entry),
            JournalEvent::StartFailed => self.start_failed(entry),
            JournalEvent::Succeeded => {
                self.end(
                    entry.at,
                    if self.stopping { Outcome::Stopped } else { Outcome::Succeeded },
                );
            }
            JournalEvent::Skipped => {
                self.end(entry.at, Outcome::Skipped);
                self.run.skip = Some(SkipReason::ExecCondition);
                self.run.detail = Some("its ExecCondition= said no".into());
                self.run.exit = None;
            }
            JournalEvent::Stopping => self.stopping = true,
            JournalEvent::Stopped => self.end(entry.at, Outcome::Stopped),
            JournalEvent::RestartScheduled => self.restarts = true,
            JournalEvent::SpawnFailed => {
                let program = entry.executable.as_deref().unwrap_or("its program");
                let step = step_in(&entry.message).unwrap_or("EXEC");
                self.spawn_error = Some(format!("{program} could not be started (step {step})"));
            }
            JournalEvent::OomKill | JournalEvent::OomdKill => self.out_of_memory = true,
            JournalEvent::Dropped => {}
        }
    }

    /// A start job is done: the unit runs, has finished (oneshot), or was skipped.
    fn started(&mut self, entry: &JournalEntry) {
        if self.run.outcome == Outcome::Skipped || entry.job_result.as_deref() == Some("skipped") {
            return;
        }
        // Only the verb distinguishes a oneshot that has finished from a service that is ready.
        if entry.message.starts_with("Finished ") {
            self.end(entry.at, Outcome::Succeeded);
        } else if self.run.start.is_none() {
            self.run.start = Some(entry.at);
        }
    }

    fn process_exit(&mut self, entry: &JournalEntry) {
        let command = entry.command.as_deref().unwrap_or("ExecStart");
        if !command.starts_with("ExecStart") {
            return;
        }
        let status = entry.exit_status.unwrap_or_default();
        let is_exit = entry.exit_code.as_deref().is_none_or(|code| code == "exited");
        self.run.exit = is_exit.then_some(status);
        let detail =
            if is_exit { format!("exit status {status}") } else { format!("signal {status}") };
        self.run.detail = Some(self.spawn_error.take().unwrap_or(detail));
        if self.run.end.is_none() {
            self.run.end = Some(entry.at);
            self.run.end_source = Some(EndSource::Journal);
            self.run.outcome = Outcome::Failed;
        }
    }

    fn failed(&mut self, entry: &JournalEntry) {
        let result = entry.unit_result.as_deref().unwrap_or("failed");
        if self.has_failed {
            // A second failure of one run is the start limit, whatever its result is called.
            if self.restarts {
                self.run.detail = Some(match self.run.detail.take() {
                    Some(detail) => format!("{detail}; then its start limit was hit"),
                    None => "its start limit was hit".into(),
                });
            }
            return;
        }
        self.has_failed = true;
        self.run.end = None;
        self.end(entry.at, Outcome::Failed);
        if result == "exit-code" && self.run.exit == Some(LOCK_BUSY) {
            self.run.outcome = Outcome::Skipped;
            self.run.skip = Some(SkipReason::LockBusy);
        }
        let by_exit = self.run.detail.take();
        self.run.detail = Some(match (result, by_exit) {
            _ if self.out_of_memory || result == "oom-kill" => "out of memory".into(),
            ("timeout", _) => "it took longer than its timeout".into(),
            ("start-limit-hit", _) => "its start limit was hit".into(),
            ("exit-code" | "signal" | "core-dump", Some(detail)) => detail,
            (result, None) => result.to_owned(),
            (result, Some(detail)) => format!("{result} ({detail})"),
        });
    }

    fn start_failed(&mut self, entry: &JournalEntry) {
        if self.run.outcome == Outcome::Skipped || self.has_failed {
            return;
        }
        match entry.job_result.as_deref() {
            Some("canceled") => self.end(entry.at, Outcome::Stopped),
            result => {
                self.has_failed = true;
                self.end(entry.at, Outcome::Failed);
                let result = result.unwrap_or("failed");
                self.run.detail.get_or_insert_with(|| format!("its start job: {result}"));
            }
        }
    }

    /// Notes the end, unless it is known.
    fn end(&mut self, at: Moment, outcome: Outcome) {
        if self.run.end.is_none() {
            self.run.end = Some(at);
            self.run.end_source = Some(EndSource::Journal);
            self.run.outcome = outcome;
        }
    }
}

impl UnitRun {
    /// Returns when the run is counted: at its start, or when it was skipped.
    pub fn at(&self) -> Moment {
        self.start.unwrap_or(self.first_seen)
    }

    /// Returns how long it ran, in seconds; `None` where its start or its end is unknown.
    pub fn seconds(&self) -> Option<f64> {
        Some(self.end?.seconds_since(self.start?))
    }

    /// Whether the source says that it ended and not that it was started.
    pub fn lacks_start(&self) -> bool {
        self.start.is_none() && self.invocation.is_some()
    }
}

/// The step at which a program could not be executed: `Failed at step CHDIR spawning …`.
fn step_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Failed at step ")?;
    rest.split_ascii_whitespace().next()
}
