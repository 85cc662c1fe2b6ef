use std::path::PathBuf;

use anyhow::Context;
use launch_probes::runner::RunError;

use super::run::{Live, ProbeAttempt, Run};
use crate::cli::ExamineOptions;
use crate::config::RunConfig;
use crate::exit::Exit;
use crate::sink;

/// Writes what this host measures as a record.
///
/// # Errors
/// When a name or an option is wrong, or the record could not be written.
pub(super) fn run(
    names: &[String],
    options: &ExamineOptions,
    file: Option<&PathBuf>,
) -> anyhow::Result<Exit> {
    let config = RunConfig::new(names, options, None)?;
    if let Some(note) = &config.policy.ignored {
        sink::note(note);
    }
    if config.catalogue.entries().is_empty() {
        return Ok(Exit::NothingSelected);
    }
    let run = match Run::execute(&config, Live::Progress) {
        Ok(run) => run,
        Err(RunError::Interrupted(_)) => return Ok(Exit::Interrupted),
        Err(error) => return Err(error).context("the probes could not be run"),
    };
    let record = run.record(&config);
    sink::write(&record.to_toml(), file.map(PathBuf::as_path))?;
    // The record lacks what these would have measured.
    let is_partial = run.attempts.iter().any(ProbeAttempt::is_unmeasured);
    Ok(if is_partial { Exit::Unmeasured } else { Exit::Success })
}
