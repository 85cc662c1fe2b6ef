use std::process::ExitCode;

use jiff::Timestamp;

use super::history_files::HistoryFiles;
use super::sinks::FanoutSinks;
use super::{journal_source, live, watch};
use crate::cli::FanoutOptions;
use crate::exit::Exit;
use crate::fanout::FanoutReport;

/// Examines a fan-out and reports.
///
/// # Errors
/// When a source is not what it should be, or the report could not be written.
pub(crate) fn run(options: &FanoutOptions) -> anyhow::Result<ExitCode> {
    let sinks = FanoutSinks::new(options)?;
    let histories = HistoryFiles::read(&options.history)?;
    let (fanout, is_interrupted) = if let Some(count) = options.live {
        match live::run(count, options)? {
            Some(fanout) => (fanout, false),
            None => return Ok(Exit::Interrupted.into()),
        }
    } else if options.watch {
        watch::run(options, histories)?
    } else {
        (journal_source::run(options, histories, Timestamp::now())?, false)
    };
    let report = FanoutReport::new(fanout);
    sinks.write(&report)?;
    Ok(if is_interrupted { Exit::Interrupted.into() } else { report.exit.into() })
}
