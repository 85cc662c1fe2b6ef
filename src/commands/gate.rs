use std::path::PathBuf;
use std::process::ExitCode;

use super::measured::Measured;
use super::plan::Plan;
use super::telling::Telling;
use crate::cli::{ExamineOptions, ReportOptions};
use crate::exit::FailOn;
use crate::judge::{Baseline, Record};

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
    let plan = Plan::new(names, examine)?;
    let record = against.map(|path| Record::read(path)).transpose()?;
    let telling = Telling::new(report)?;
    let Ok(measured) = Measured::take(&plan)? else { return telling.interrupted() };
    let versions = measured.versions.clone();
    let baseline = match &record {
        Some(record) => Baseline::Record(record),
        None => Baseline::Pins(&versions),
    };
    telling.tell(&measured.report(&plan, baseline, FailOn::Change))
}
