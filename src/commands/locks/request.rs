use std::process::ExitCode;

use super::files::LockFiles;
use super::read::Reading;
use super::watch;
use crate::cli::{LocksFormat, LocksOptions};
use crate::config::set_color;
use crate::report::locks::{human, json};
use crate::sink;

/// Shows who holds which lock, and what is wrong.
///
/// # Errors
/// When there is nothing to examine, a path cannot be examined, or the report could not be written.
pub(crate) fn run(options: &LocksOptions) -> anyhow::Result<ExitCode> {
    set_color(options.color.color, sink::is_terminal());
    let files = LockFiles::find(options)?;
    if options.watch {
        return watch::run(&files, options);
    }
    let report = Reading::take(&files, options.patience, true)?.into_report();
    let text = match options.format {
        LocksFormat::Human => human(&report, sink::width()),
        LocksFormat::Json => json(&report),
    };
    sink::write(&text, None)?;
    Ok(report.exit.into())
}
