use std::path::PathBuf;

use super::measured::Measured;
use super::output;
use crate::cli::CheckOptions;
use crate::exit::{Exit, FailOn};
use crate::judge::{Baseline, Catalogue, Record};
use crate::report::{Report, decide_color, render};

/// Measures this host and holds it against a record, or against the cards: any change counts.
///
/// # Errors
/// When the record cannot be used, a name or an option cannot be, or the report could not be
/// written.
pub fn run(
    names: &[String],
    options: &CheckOptions,
    against: Option<&PathBuf>,
) -> anyhow::Result<Exit> {
    let catalogue = Catalogue::select(names, &options.examine.skip)?;
    let record = against.map(|path| Record::read(path)).transpose()?;
    decide_color(options.color.color, options.output.is_none() && output::is_terminal());
    let Ok(measured) = Measured::take(&catalogue, &options.examine)? else {
        return Ok(Exit::Interrupted);
    };
    let Measured { host, versions, started, elapsed, swept, outcomes } = measured;
    let baseline = match &record {
        Some(record) => Baseline::Record(record),
        None => Baseline::Pins(&versions),
    };
    let probes = Measured::judge(outcomes, &catalogue, baseline);
    let report = Report::new(host, started, elapsed, swept, probes, FailOn::Change);
    output::write(&render(&report, options.format, output::width()), options.output.as_deref())?;
    Ok(report.exit)
}
