use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::{Timestamp, Zoned};
use launch_probes::host::{ManagerState, Versions};
use launch_probes::sandbox::{self, Household, Interrupted, RunLock, Settings, Timed};
use launch_probes::{Outcome, Probe, Unable};

use super::live_line::LiveLine;
use super::plan::Plan;
use crate::exit::FailOn;
use crate::judge::{Baseline, judge};
use crate::report::{Host, PolicyReport, ProbeReport, Report};

/// What one run measured on this host, before anything is made of it.
pub struct Measured {
    pub host: Host,
    pub versions: Versions,
    pub started: Timestamp,
    pub elapsed: Duration,
    /// The ids of dead runs that were swept first.
    pub swept: Vec<String>,
    /// In the order of the catalogue.
    pub outcomes: Vec<Attempted>,
}

/// How a probe ended, at the last attempt.
pub struct Attempted {
    pub timed: Timed,
    /// How often it was tried.
    pub attempts: u16,
}

impl Measured {
    /// Runs the probes of a plan.
    ///
    /// # Errors
    /// When nothing could be run at all. The inner error says that a signal ended the run.
    pub fn take(plan: &Plan) -> anyhow::Result<Result<Self, Interrupted>> {
        let settings = &plan.settings;
        let household = Household::found().context("the probes could not be isolated")?;
        let mut live_line = LiveLine::new();
        let lock = RunLock::wait(&household, settings.manager, |it| live_line.on_waiting(it));
        let _lock = match lock.context("another run could not be waited for")? {
            Ok(lock) => lock,
            Err(interrupted) => return Ok(Err(interrupted)),
        };
        let started = Timestamp::now();
        let clock = Instant::now();
        let asked = ManagerState::ask(settings.manager);
        // Only the judge needs them.
        let versions = Versions::ask();
        let manager = asked.answer();
        let swept = sandbox::sweep(settings, &manager).iter().map(ToString::to_string).collect();
        let probes: Vec<_> = plan.catalogue.entries().iter().map(|entry| entry.probe).collect();
        let outcomes = attempt(&household, &probes, settings, &manager, plan.retries, live_line)?;
        Ok(outcomes.map(|outcomes| {
            let versions = versions.answers();
            Self {
                host: Host::read(&versions, settings.manager),
                versions,
                started,
                elapsed: clock.elapsed(),
                swept,
                outcomes,
            }
        }))
    }

    /// Judges every outcome by a baseline and the plan's policy, and puts the report together.
    pub fn report(self, plan: &Plan, baseline: Baseline, fail_on: FailOn) -> Report {
        let Self { host, started, elapsed, swept, outcomes, .. } = self;
        let today = Zoned::now().date();
        let mut policy = PolicyReport::of(&plan.policy);
        let mut probes = Vec::with_capacity(outcomes.len());
        for (entry, Attempted { timed, attempts }) in plan.catalogue.entries().iter().zip(outcomes)
        {
            let mut judgement = judge(&entry.card, &timed.outcome, baseline);
            let waivers = plan.policy.apply(&entry.card.id, &mut judgement, today);
            policy.add(waivers, baseline);
            probes.push(ProbeReport::new(entry, judgement, timed, attempts));
        }
        Report::new(host, started, elapsed, swept, policy, probes, fail_on)
    }
}

/// Runs the probes, and those again that gave no answer, as often as is allowed.
fn attempt(
    household: &Household,
    probes: &[&Probe],
    settings: &Settings,
    manager: &ManagerState,
    retries: u16,
    mut live_line: LiveLine,
) -> anyhow::Result<Result<Vec<Attempted>, Interrupted>> {
    let mut run = |probes: &[&Probe]| {
        sandbox::run(household, probes, settings, manager, |event| live_line.on_event(event))
            .context("the probes could not be run")
    };
    let first = match run(probes)? {
        Ok(first) => first,
        Err(interrupted) => return Ok(Err(interrupted)),
    };
    let mut all: Vec<_> = first.into_iter().map(|timed| Attempted { timed, attempts: 1 }).collect();
    for _ in 0..retries {
        let again: Vec<usize> =
            (0..all.len()).filter(|index| is_unmeasured(&all[*index].timed)).collect();
        if again.is_empty() {
            break;
        }
        let chosen: Vec<&Probe> = again.iter().map(|index| probes[*index]).collect();
        let next = match run(&chosen)? {
            Ok(next) => next,
            Err(interrupted) => return Ok(Err(interrupted)),
        };
        for (index, timed) in again.into_iter().zip(next) {
            all[index].timed = timed;
            all[index].attempts += 1;
        }
    }
    Ok(Ok(all))
}

/// Whether a probe was tried and gave no answer. One that is skipped would be skipped again.
pub fn is_unmeasured(timed: &Timed) -> bool {
    matches!(timed.outcome, Outcome::Unable(Unable::Unmeasured(_)))
}
