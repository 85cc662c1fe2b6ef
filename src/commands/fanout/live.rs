use std::ffi::OsString;
use std::time::Instant;

use anyhow::{Context, bail};
use jiff::Timestamp;
use launch_probes::host::ManagerStatus;
use launch_probes::runner::cleanup::clean_stale_runs;
use launch_probes::runner::{self, CLEANUP_GRACE, RunError, RunLock, Subreaper};
use launch_probes::sandbox::Settings;
use launch_probes::{LIVE, NotMeasured, Outcome};

use crate::cli::FanoutOptions;
use crate::fanout::{Fanout, LiveRun, live_fanout};

/// Launches probe units and says how many ran at the same moment; `None` if a signal ended it.
///
/// # Errors
/// When nothing could be launched, or the host has no room for so many.
pub(super) fn run(count: u32, options: &FanoutOptions) -> anyhow::Result<Option<Fanout>> {
    let settings = Settings {
        manager: options.manager,
        slice: options.slice.as_ref().filter(|slice| !slice.is_empty()).map(OsString::from),
        agents: count,
        repo: None,
        locks: Vec::new(),
        timeout: options.timeout,
        deadline: Instant::now() + 2 * options.timeout + CLEANUP_GRACE,
        jobs: 1,
    };
    let began = Timestamp::now().as_microsecond();
    let outcome = match measure(&settings) {
        Ok(outcome) => outcome,
        Err(RunError::Interrupted(_)) => return Ok(None),
        Err(error) => return Err(error).context("the units could not be launched"),
    };
    let measurement = match outcome {
        Some(Outcome::Measured(measurement)) => measurement,
        Some(Outcome::NotMeasured(NotMeasured::Skipped(why) | NotMeasured::Unmeasured(why))) => {
            bail!("{count} units were not launched: {why}")
        }
        None => bail!("{count} units were not launched: the launch gave no result"),
    };
    let detail = |key: &str| measurement.details.get(key).map_or("", String::as_str);
    let runs: Vec<LiveRun> = detail("runs").lines().filter_map(LiveRun::parse).collect();
    let errors: Vec<&str> = detail("errors").lines().filter(|line| !line.is_empty()).collect();
    Ok(Some(live_fanout(began, &runs, &errors, options.manager.name())))
}

fn measure(settings: &Settings) -> Result<Option<Outcome>, RunError> {
    let subreaper = Subreaper::install()?;
    let _lock = RunLock::wait(&subreaper, settings.manager, settings.deadline, |_| {})?;
    let manager = ManagerStatus::query(settings.manager, settings.deadline).wait();
    clean_stale_runs(settings, &manager);
    let results = runner::run(&subreaper, &[&LIVE], settings, &manager, |_| {})?;
    Ok(results.into_iter().next().map(|result| result.outcome))
}
