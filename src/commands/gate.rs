use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use launch_probes::runner::RunError;

use super::run::{Live, Run};
use crate::cli::{ExamineOptions, ReportOptions};
use crate::config::{RunConfig, read_record};
use crate::exit::FailOn;
use crate::judge::{Baseline, Platform};
use crate::report_sinks::ReportSinks;

/// Measures this host and compares it with a record (`against`), or with the cards. Any change counts. With
/// `judged`, no host is measured: that record is compared with the cards.
///
/// # Errors
/// When the record cannot be used, a name or an option is wrong, or the report could not be written.
pub(super) fn run(
    names: &[String],
    examine: &ExamineOptions,
    report: &ReportOptions,
    against: Option<&PathBuf>,
    judged: Option<&PathBuf>,
) -> anyhow::Result<ExitCode> {
    let config = RunConfig::new(names, examine, Some(report))?;
    let record = against.map(|path| read_record(path)).transpose()?;
    let sinks = ReportSinks::new(report, names)?;
    if let Some(path) = judged {
        let record = read_record(path)?;
        let versions = record.versions();
        let platform = Platform { versions: &versions, manager: record.manager };
        let report = Run::of_record(&record, &config);
        return sinks.write_all(&report.report(
            &config,
            Baseline::Behaviours(platform),
            FailOn::Change,
        ));
    }
    let run = match Run::execute(&config, Live::Progress) {
        Ok(run) => run,
        Err(RunError::Interrupted(_)) => return sinks.interrupted(),
        Err(error) => return Err(error).context("the probes could not be run"),
    };
    let versions = run.versions.clone();
    let baseline = match &record {
        Some(record) => Baseline::Record(record),
        None => {
            Baseline::Behaviours(Platform { versions: &versions, manager: config.settings.manager })
        }
    };
    sinks.write_all(&run.report(&config, baseline, FailOn::Change))
}
