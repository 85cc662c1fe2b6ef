use super::measured::Measured;
use super::output;
use crate::cli::CheckOptions;
use crate::exit::Exit;
use crate::judge::{Baseline, Catalogue};
use crate::report::{Report, decide_color, render};

/// Probes this host and reports.
///
/// # Errors
/// When a name or an option cannot be, or the report could not be written.
pub fn run(names: &[String], options: &CheckOptions) -> anyhow::Result<Exit> {
    let catalogue = Catalogue::select(names, &options.examine.skip)?;
    decide_color(options.color.color, options.output.is_none() && output::is_terminal());
    let Ok(measured) = Measured::take(&catalogue, &options.examine)? else {
        return Ok(Exit::Interrupted);
    };
    let Measured { host, versions, started, elapsed, swept, outcomes } = measured;
    let probes = Measured::judge(outcomes, &catalogue, Baseline::Cards(&versions));
    let report = Report::new(host, started, elapsed, swept, probes, options.fail_on);
    output::write(&render(&report, options.format, output::width()), options.output.as_deref())?;
    Ok(report.exit)
}
