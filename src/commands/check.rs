use std::process::ExitCode;

use super::measured::Measured;
use super::plan::Plan;
use super::telling::Telling;
use crate::cli::CheckOptions;
use crate::judge::Baseline;

/// Probes this host and reports.
///
/// # Errors
/// When a name or an option cannot be, or the report could not be written.
pub fn run(names: &[String], options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let plan = Plan::new(names, &options.examine)?;
    let telling = Telling::new(&options.report)?;
    match Measured::take(&plan)? {
        Ok(measured) => {
            let versions = measured.versions.clone();
            let baseline = Baseline::Cards(&versions);
            telling.tell(&measured.report(&plan, baseline, options.fail_on))
        }
        Err(_) => telling.interrupted(),
    }
}
