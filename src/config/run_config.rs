use std::ffi::OsString;
use std::fs;
use std::num::NonZero;
use std::path::{self, Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use launch_probes::sandbox::Settings;

use crate::cli::{ExamineOptions, ReportOptions};
use crate::config::find_policy;
use crate::judge::{Catalogue, Kind, Policy};

/// The number of agents that are launched at once, unless the user says otherwise.
const FLEET: u32 = 6;

/// The default time limit of a run.
const DEADLINE: Duration = Duration::from_secs(30);
/// The default time limit for Nagios, which kills a check after ten seconds.
const NAGIOS_DEADLINE: Duration = Duration::from_secs(9);

/// What one run examines, by the command line and, where it does not say, by the policy.
pub struct RunConfig {
    pub catalogue: Catalogue,
    pub settings: Settings,
    pub policy: Policy,
    /// The number of times that an unmeasured probe is retried.
    pub retries: u16,
}

impl RunConfig {
    /// Reads the policy and puts it together with the command line. What the policy skips is examined if the
    /// command line names it. The time limit starts now; its default depends on the formats in `report`.
    ///
    /// # Errors
    /// When the policy has a mistake, or a name or a directory is wrong.
    pub fn new(
        names: &[String],
        options: &ExamineOptions,
        report: Option<&ReportOptions>,
    ) -> anyhow::Result<Self> {
        let is_nagios = report.is_some_and(ReportOptions::has_nagios);
        let default_deadline = if is_nagios { NAGIOS_DEADLINE } else { DEADLINE };
        let deadline = Instant::now() + options.deadline.unwrap_or(default_deadline);
        let policy = find_policy(options.config.as_deref())?;
        let mut skip = options.skip.clone();
        if names.is_empty() {
            skip.extend(policy.skip.iter().cloned());
        }
        let slice = options.slice.clone().filter(|slice| !slice.is_empty());
        let repo = options.repo.as_ref().or(policy.repo.as_ref());
        Ok(Self {
            catalogue: select(names, &skip, options.kind.map(Kind::from))?,
            settings: Settings {
                manager: options.manager,
                slice: slice.or_else(|| policy.slice.as_ref().map(OsString::from)),
                agents: options.fleet.or(policy.fleet).unwrap_or(FLEET),
                repo: repo.map(|repo| readable_dir(repo)).transpose()?,
                locks: absolute_paths(if options.lock.is_empty() {
                    &policy.lock
                } else {
                    &options.lock
                })?,
                deadline,
                timeout: options.timeout,
                jobs: options.jobs.map_or_else(default_jobs, usize::from),
            },
            policy,
            retries: options.retries,
        })
    }
}

/// Selects the probes to run: of one kind, if one is given.
///
/// # Errors
/// When a name is wrong, or is the id of a probe of the other kind.
fn select(names: &[String], skip: &[String], kind: Option<Kind>) -> anyhow::Result<Catalogue> {
    let mut catalogue = Catalogue::select_to_run(names, skip)?;
    let Some(kind) = kind else { return Ok(catalogue) };
    let (selected, other) = match kind {
        Kind::Check => ("check", "behaviour"),
        Kind::Pin => ("behaviour", "check"),
    };
    for id in catalogue.entries().iter().filter(|it| it.card.kind != kind).map(|it| &it.card.id) {
        if names.contains(id) {
            bail!("{id} is a {other}, and --kind {selected} was given");
        }
    }
    catalogue.retain(|entry| entry.card.kind == kind);
    Ok(catalogue)
}

/// Returns two for each processor: probes mostly wait for a manager, which is one process.
fn default_jobs() -> usize {
    2 * thread::available_parallelism().map_or(1, NonZero::get)
}

/// Returns the absolute paths of lock files, which need not exist.
fn absolute_paths(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let absolute = |path: &PathBuf| {
        path::absolute(path).with_context(|| format!("cannot examine --lock {}", path.display()))
    };
    paths.iter().map(absolute).collect()
}

/// Returns the absolute path of a directory, which must be readable.
fn readable_dir(repo: &Path) -> anyhow::Result<PathBuf> {
    let shown = repo.display();
    let absolute =
        fs::canonicalize(repo).with_context(|| format!("cannot examine --repo {shown}"))?;
    fs::read_dir(&absolute).with_context(|| format!("cannot read --repo {shown}"))?;
    Ok(absolute)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::Cli;

    /// Returns the time limit of a command line in whole seconds.
    fn deadline(args: &[&str]) -> u128 {
        let cli = Cli::try_parse_from([&["doctor"], args].concat()).unwrap();
        let config = RunConfig::new(&[], &cli.options.examine, Some(&cli.options.report)).unwrap();
        let left = config.settings.deadline.saturating_duration_since(Instant::now());
        left.as_millis().div_ceil(1000)
    }

    #[test]
    fn the_default_deadline_is_nine_seconds_for_nagios_and_thirty_otherwise() {
        assert_eq!(deadline(&[]), 30);
        assert_eq!(deadline(&["--format", "nagios"]), 9);
        assert_eq!(deadline(&["--format", "nagios", "--deadline", "60"]), 60);
    }
}
