use std::process::ExitCode;

use super::measured::Measured;
use super::telling::Telling;
use crate::cli::CheckOptions;
use crate::judge::{Baseline, Catalogue};
use crate::report::Report;

/// Probes this host and reports.
///
/// # Errors
/// When a name or an option cannot be, or the report could not be written.
pub fn run(names: &[String], options: &CheckOptions) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::select(names, &options.examine.skip)?;
    let telling = Telling::new(&options.report)?;
    let Ok(measured) = Measured::take(&catalogue, &options.examine)? else {
        return telling.interrupted();
    };
    let Measured { host, versions, started, elapsed, swept, outcomes } = measured;
    let probes = Measured::judge(outcomes, &catalogue, Baseline::Cards(&versions));
    let report = Report::new(host, started, elapsed, swept, probes, options.fail_on);
    telling.tell(&report)
}
