use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use launch_probes::host::{ManagerState, Versions};
use launch_probes::sandbox::{self, Interrupted, Settings, Timed};

use super::live_line::LiveLine;
use crate::cli::ExamineOptions;
use crate::judge::{Baseline, Catalogue};
use crate::report::{Host, ProbeReport};

/// What one run measured on this host, before anything is made of it.
pub struct Measured {
    pub host: Host,
    pub versions: Versions,
    pub started: Timestamp,
    pub elapsed: Duration,
    /// The ids of dead runs that were swept first.
    pub swept: Vec<String>,
    /// In the order of the catalogue.
    pub outcomes: Vec<Timed>,
}

impl Measured {
    /// Runs the probes of a catalogue.
    ///
    /// # Errors
    /// When an option names something that cannot be examined, or nothing could be run at all. The
    /// inner error says that a signal ended the run.
    pub fn take(
        catalogue: &Catalogue,
        options: &ExamineOptions,
    ) -> anyhow::Result<Result<Self, Interrupted>> {
        let settings = settings(options)?;
        let started = Timestamp::now();
        let clock = Instant::now();
        let asked = ManagerState::ask(settings.manager);
        let versions = Versions::read();
        let manager = asked.answer();
        let swept = sandbox::sweep(&settings).iter().map(ToString::to_string).collect();
        let probes: Vec<_> = catalogue.entries().iter().map(|entry| entry.probe).collect();
        let mut live_line = LiveLine::new();
        let outcomes =
            sandbox::run(&probes, &settings, &manager, |event| live_line.on_event(event))
                .context("the probes could not be run")?;
        drop(live_line);
        Ok(outcomes.map(|outcomes| Self {
            host: Host::read(&versions, settings.manager),
            versions,
            started,
            elapsed: clock.elapsed(),
            swept,
            outcomes,
        }))
    }

    /// Judges every outcome by a baseline.
    pub fn judge(
        outcomes: Vec<Timed>,
        catalogue: &Catalogue,
        baseline: Baseline,
    ) -> Vec<ProbeReport> {
        let pairs = catalogue.entries().iter().zip(outcomes);
        pairs.map(|(entry, timed)| ProbeReport::new(entry, timed, baseline)).collect()
    }
}

/// What the options ask to have examined, with paths made absolute.
fn settings(options: &ExamineOptions) -> anyhow::Result<Settings> {
    Ok(Settings {
        manager: options.manager,
        slice: options.slice.clone().filter(|slice| !slice.is_empty()),
        repo: options.repo.as_ref().map(readable_dir).transpose()?,
        deep: options.deep,
        timeout: options.timeout,
        jobs: usize::from(options.jobs),
    })
}

fn readable_dir(repo: &PathBuf) -> anyhow::Result<PathBuf> {
    let shown = repo.display();
    let absolute =
        fs::canonicalize(repo).with_context(|| format!("cannot examine --repo {shown}"))?;
    fs::read_dir(&absolute).with_context(|| format!("cannot read --repo {shown}"))?;
    Ok(absolute)
}
