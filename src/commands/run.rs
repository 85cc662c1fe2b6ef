use std::time::{Duration, Instant};

use jiff::{Timestamp, Zoned};
use launch_probes::host::{ManagerStatus, Versions};
use launch_probes::runner::cleanup::clean_stale_runs;
use launch_probes::runner::{self, ProbeResult, Progress, RunError, RunLock, Subreaper};
use launch_probes::{NotMeasured, Outcome, Probe};

use super::host::read_host;
use super::live::LiveFindings;
use super::measured::record_of;
use super::progress::ProgressLine;
use crate::config::RunConfig;
use crate::exit::FailOn;
use crate::judge::{Baseline, Kind, Record, broken_needs, judge, withhold_changes};
use crate::report::{Host, PolicyReport, ProbeReport, RecordComparison, Report};

/// What one run measured on this host, before it is judged.
pub(super) struct Run {
    pub host: Host,
    pub versions: Versions,
    pub manager: ManagerStatus,
    pub started: Timestamp,
    pub elapsed: Duration,
    /// The ids of runs that had ended without cleaning up, and were cleaned up first.
    pub cleaned_runs: Vec<String>,
    /// In the order of the catalogue.
    pub attempts: Vec<ProbeAttempt>,
}

/// How a probe ended, at the last attempt.
pub(super) struct ProbeAttempt {
    pub result: ProbeResult,
    /// The number of attempts.
    pub count: u16,
}

impl ProbeAttempt {
    /// Returns whether the probe ran and gave no answer. One that is skipped would be skipped again.
    pub(super) fn is_unmeasured(&self) -> bool {
        matches!(self.result.outcome, Outcome::NotMeasured(NotMeasured::Unmeasured(_)))
    }
}

/// What a terminal shows during a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Live {
    /// Which probes run.
    Progress,
    /// That, and the findings of checks as they are found. Checks run first.
    Findings,
}

impl Run {
    /// Runs the probes of a configuration.
    ///
    /// # Errors
    /// When a signal ended the run, or nothing could be run at all.
    pub(super) fn execute(config: &RunConfig, live: Live) -> Result<Self, RunError> {
        let settings = &config.settings;
        let subreaper = Subreaper::install()?;
        let deadline = settings.deadline;
        let mut progress = ProgressLine::new(config.catalogue.entries().len());
        let _lock = RunLock::wait(&subreaper, settings.manager, deadline, |event| {
            progress.on_lock_event(event);
        })?;
        let started = Timestamp::now();
        let clock = Instant::now();
        let status = ManagerStatus::query(settings.manager, deadline);
        // Only the judge needs them.
        let versions = Versions::query(deadline);
        let manager = status.wait();
        let cleaned_runs =
            clean_stale_runs(settings, &manager).iter().map(ToString::to_string).collect();
        let attempts = run_with_retries(&subreaper, config, &manager, live, progress)?;
        let versions = versions.wait();
        Ok(Self {
            host: read_host(&versions, settings.manager),
            versions,
            manager,
            started,
            elapsed: clock.elapsed(),
            cleaned_runs,
            attempts,
        })
    }

    /// Returns what was measured as a record.
    pub(super) fn record(&self, config: &RunConfig) -> Record {
        record_of(&config.catalogue, self.outcomes(), &self.versions, config.settings.manager)
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.attempts.iter().map(|attempt| &attempt.result.outcome)
    }

    /// Judges every outcome by a baseline and the configuration's policy, and makes the report.
    pub(super) fn report(self, config: &RunConfig, baseline: Baseline, fail_on: FailOn) -> Report {
        let today = Zoned::now().date();
        let mut policy = PolicyReport::of(&config.policy);
        let comparison = match baseline {
            Baseline::Record(record) => Some(RecordComparison::new(record, &self.record(config))),
            Baseline::Cards(_) | Baseline::Behaviours(_) => None,
        };
        let entries = config.catalogue.entries();
        let mut judgements: Vec<_> = entries
            .iter()
            .zip(self.outcomes())
            .map(|(entry, outcome)| judge(&entry.card, outcome, baseline))
            .collect();
        let results = self.attempts.iter().map(|attempt| &attempt.result);
        let broken = broken_needs(&self.manager, entries.iter().zip(results));
        for (entry, judgement) in entries.iter().zip(&mut judgements) {
            withhold_changes(entry, judgement, &broken);
        }
        let mut probes = Vec::with_capacity(entries.len());
        for ((entry, mut judgement), attempt) in entries.iter().zip(judgements).zip(self.attempts) {
            let waivers = config.policy.apply(&entry.card.id, &mut judgement, today);
            policy.add(waivers, baseline);
            probes.push(ProbeReport::new(
                entry,
                judgement,
                attempt.result,
                attempt.count,
                config.settings.manager,
            ));
        }
        let mut report = Report::new(
            self.host,
            self.started,
            self.elapsed,
            self.cleaned_runs,
            policy,
            probes,
            fail_on,
        );
        report.record = comparison;
        report
    }
}

/// Runs the probes, and those again that gave no answer, as often as is allowed.
fn run_with_retries(
    subreaper: &Subreaper,
    config: &RunConfig,
    manager: &ManagerStatus,
    live: Live,
    mut progress: ProgressLine,
) -> Result<Vec<ProbeAttempt>, RunError> {
    let entries = config.catalogue.entries();
    let shows_findings = live == Live::Findings && progress.is_shown();
    let findings = shows_findings.then(|| LiveFindings::new(config));
    let run = |indexes: &[usize], progress: &mut ProgressLine| {
        let probes: Vec<&Probe> = indexes.iter().map(|index| entries[*index].probe).collect();
        runner::run(subreaper, &probes, &config.settings, manager, |event| {
            progress.on_event(event);
            if let (Progress::Finished(probe, result), Some(findings)) = (event, &findings)
                && let Some(headline) = findings.headline(probe, result)
            {
                progress.on_finding(&headline);
            }
        })
    };
    let is_check = |index: &usize| entries[*index].card.kind == Kind::Check;
    let (first, second) = if shows_findings {
        (0..entries.len()).partition(is_check)
    } else {
        ((0..entries.len()).collect(), Vec::new())
    };
    let mut attempts: Vec<Option<ProbeAttempt>> = entries.iter().map(|_| None).collect();
    for indexes in [first, second].into_iter().filter(|indexes: &Vec<usize>| !indexes.is_empty()) {
        let results = run(&indexes, &mut progress)?;
        for (index, result) in indexes.into_iter().zip(results) {
            attempts[index] = Some(ProbeAttempt { result, count: 1 });
        }
    }
    let mut attempts: Vec<ProbeAttempt> = attempts.into_iter().flatten().collect();
    for _ in 0..config.retries {
        let again: Vec<usize> =
            (0..attempts.len()).filter(|index| attempts[*index].is_unmeasured()).collect();
        if again.is_empty() || config.settings.deadline <= Instant::now() {
            break;
        }
        progress.on_retry(again.len());
        let results = run(&again, &mut progress)?;
        for (index, result) in again.into_iter().zip(results) {
            attempts[index].result = result;
            attempts[index].count += 1;
        }
    }
    Ok(attempts)
}
