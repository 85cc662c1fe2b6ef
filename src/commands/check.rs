use std::process::ExitCode;

use anyhow::Context;
use launch_probes::runner::RunError;

use super::run::{Live, Run};
use crate::cli::CheckOptions;
use crate::config::RunConfig;
use crate::judge::{Baseline, Platform};
use crate::report_sinks::ReportSinks;

/// Checks this host and reports.
///
/// # Errors
/// When a name or an option is wrong, or the report could not be written.
pub(super) fn run(names: &[String], options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let config = RunConfig::new(names, &options.examine, Some(&options.report))?;
    let sinks = ReportSinks::new(&options.report, names)?;
    let live = if sinks.shows_live() { Live::Findings } else { Live::Progress };
    match Run::execute(&config, live) {
        Ok(run) => {
            let versions = run.versions.clone();
            let platform = Platform { versions: &versions, manager: config.settings.manager };
            let baseline = Baseline::Cards(platform);
            sinks.write_all(&run.report(&config, baseline, options.fail_on))
        }
        Err(RunError::Interrupted(_)) => sinks.interrupted(),
        Err(error) => Err(error).context("the probes could not be run"),
    }
}
