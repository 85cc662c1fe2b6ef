use std::path::PathBuf;
use std::process::ExitCode;

use super::measured::Measured;
use super::telling::Telling;
use crate::cli::{ExamineOptions, ReportOptions};
use crate::exit::FailOn;
use crate::judge::{Baseline, Catalogue, Record};
use crate::report::Report;

/// Measures this host and holds it against a record, or against the cards: any change counts.
///
/// # Errors
/// When the record cannot be used, a name or an option cannot be, or the report could not be
/// written.
pub fn run(
    names: &[String],
    examine: &ExamineOptions,
    report: &ReportOptions,
    against: Option<&PathBuf>,
) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::select(names, &examine.skip)?;
    let record = against.map(|path| Record::read(path)).transpose()?;
    let telling = Telling::new(report)?;
    let Ok(measured) = Measured::take(&catalogue, examine)? else {
        return telling.interrupted();
    };
    let Measured { host, versions, started, elapsed, swept, outcomes } = measured;
    let baseline = match &record {
        Some(record) => Baseline::Record(record),
        None => Baseline::Pins(&versions),
    };
    let probes = Measured::judge(outcomes, &catalogue, baseline);
    let report = Report::new(host, started, elapsed, swept, probes, FailOn::Change);
    telling.tell(&report)
}
