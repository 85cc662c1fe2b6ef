use std::ffi::OsString;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use launch_probes::sandbox::Settings;

use crate::cli::ExamineOptions;
use crate::judge::{Catalogue, Policy};

/// How many agents the first document launches at once.
const FLEET: u32 = 6;

/// What one run is to examine: by the command line, and where that is silent by the policy.
pub struct Plan {
    pub catalogue: Catalogue,
    pub settings: Settings,
    pub policy: Policy,
    /// How often a probe that gave no answer is asked again.
    pub retries: u16,
}

impl Plan {
    /// Makes the plan. What the policy skips is examined all the same if it is named.
    ///
    /// # Errors
    /// When the policy has a mistake, or something named cannot be examined.
    pub fn new(names: &[String], options: &ExamineOptions) -> anyhow::Result<Self> {
        let policy = Policy::find(options.config.as_deref())?;
        let mut skip = options.skip.clone();
        if names.is_empty() {
            skip.extend(policy.skip.iter().cloned());
        }
        let slice = options.slice.clone().filter(|slice| !slice.is_empty());
        let repo = options.repo.as_ref().or(policy.repo.as_ref());
        Ok(Self {
            catalogue: Catalogue::select(names, &skip)?,
            settings: Settings {
                manager: options.manager,
                slice: slice.or_else(|| policy.slice.as_ref().map(OsString::from)),
                fleet: options.fleet.or(policy.fleet).unwrap_or(FLEET),
                repo: repo.map(|repo| readable_dir(repo)).transpose()?,
                deep: options.deep,
                timeout: options.timeout,
                jobs: options.jobs.map_or_else(default_jobs, usize::from),
            },
            policy,
            retries: options.retries,
        })
    }
}

/// Two probes a processor: most of their time they wait for a manager, which is one process.
fn default_jobs() -> usize {
    2 * thread::available_parallelism().map_or(1, NonZero::get)
}

/// The absolute path of a directory that can be read.
fn readable_dir(repo: &Path) -> anyhow::Result<PathBuf> {
    let shown = repo.display();
    let absolute =
        fs::canonicalize(repo).with_context(|| format!("cannot examine --repo {shown}"))?;
    fs::read_dir(&absolute).with_context(|| format!("cannot read --repo {shown}"))?;
    Ok(absolute)
}
