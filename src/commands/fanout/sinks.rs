use anyhow::bail;

use crate::cli::FanoutOptions;
use crate::config::set_color;
use crate::fanout::FanoutReport;
use crate::fanout::report::{FanoutFormat, render};
use crate::sink::{Sink, width};

/// The formats of a report and where each goes.
pub(super) struct FanoutSinks(Vec<(FanoutFormat, Sink)>);

impl FanoutSinks {
    /// Takes them from the options, and fails before anything is measured if one could not be
    /// written.
    ///
    /// # Errors
    /// When two go to one place, or one cannot be written.
    pub(super) fn new(options: &FanoutOptions) -> anyhow::Result<Self> {
        let mut sinks: Vec<(FanoutFormat, Sink)> = options
            .format
            .iter()
            .map(|it| (it.format, it.file.as_deref().map_or(Sink::Stdout, Sink::from_path)))
            .collect();
        if sinks.is_empty() {
            sinks.push((FanoutFormat::Human, Sink::Stdout));
        }
        for (index, (_, sink)) in sinks.iter().enumerate() {
            if sinks[..index].iter().any(|(_, other)| other.same_as(sink)) {
                bail!(
                    "two reports cannot both go to one place; give one a file, as in --format html=FILE"
                );
            }
            sink.ensure_writable()?;
        }
        let human = sinks.iter().find(|(format, _)| *format == FanoutFormat::Human);
        set_color(options.color.color, human.is_some_and(|(_, sink)| sink.is_terminal()));
        Ok(Self(sinks))
    }

    /// Writes a report, files first.
    ///
    /// # Errors
    /// When one could not be written; the others are written all the same.
    pub(super) fn write(&self, report: &FanoutReport) -> anyhow::Result<()> {
        let is_stream = |sink: &Sink| matches!(sink, Sink::Stdout | Sink::Stderr);
        let (streams, files): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, it)| is_stream(it));
        let mut failures = Vec::new();
        for (format, sink) in files.into_iter().chain(streams) {
            if let Err(error) = sink.write(&render(report, *format, width())) {
                failures.push(format!("{error:#}"));
            }
        }
        if !failures.is_empty() {
            bail!(failures.join("; "));
        }
        Ok(())
    }
}
