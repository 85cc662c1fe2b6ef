use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};

use super::output::{Destination, width};
use crate::cli::ReportOptions;
use crate::exit::{Exit, PluginState};
use crate::report::{Format, Report, decide_color, plugin_failure, plugin_state, render};

/// In which formats a run is told, and where.
pub struct Telling {
    reports: Vec<(Format, Destination)>,
}

impl Telling {
    /// Takes it from the options, and makes sure that nothing stands in the way: what cannot be
    /// told is not measured. Decides, too, whether there is colour.
    ///
    /// # Errors
    /// When the options contradict each other, or a file could not be written.
    pub fn new(options: &ReportOptions) -> anyhow::Result<Self> {
        let mut reports = requested(options)?;
        for (index, (_, destination)) in reports.iter().enumerate() {
            if reports[..index].iter().any(|(_, other)| other.is(destination)) {
                bail!(told_twice(destination));
            }
        }
        if let Some(summary) = job_summary()
            && reports.iter().any(|(format, _)| *format == Format::Github)
        {
            reports.push((Format::Markdown, Destination::EndOf(summary)));
        }
        for (_, destination) in &reports {
            destination.ensure_writable()?;
        }
        let human = reports.iter().find(|(format, _)| *format == Format::Human);
        let to_terminal = human.is_some_and(|(_, destination)| destination.is_terminal());
        decide_color(options.color.color, to_terminal);
        Ok(Self { reports })
    }

    /// Tells a report everywhere, files first, and gives the exit status that follows.
    ///
    /// # Errors
    /// When it could not be told everywhere. It is told wherever it can be.
    pub fn tell(&self, report: &Report) -> anyhow::Result<ExitCode> {
        let (streams, files): (Vec<_>, Vec<_>) = self
            .reports
            .iter()
            .partition(|(_, to)| matches!(to, Destination::Stdout | Destination::Stderr));
        let failures: Vec<String> = files
            .into_iter()
            .chain(streams)
            .filter_map(|(format, to)| to.write(&render(report, *format, width())).err())
            .map(|error| format!("{error:#}"))
            .collect();
        if !failures.is_empty() {
            return Err(anyhow!(failures.join("; ")));
        }
        Ok(if self.is_plugin() { plugin_state(report).into() } else { report.exit.into() })
    }

    /// What a run comes to that a signal ended.
    ///
    /// # Errors
    /// When a monitoring system waits for a line and it could not be written.
    pub fn interrupted(&self) -> anyhow::Result<ExitCode> {
        if !self.is_plugin() {
            return Ok(Exit::Interrupted.into());
        }
        for (format, destination) in &self.reports {
            if *format == Format::Nagios {
                destination.write(&plugin_failure("a signal ended the run"))?;
            }
        }
        Ok(PluginState::Unknown.into())
    }

    /// Whether a monitoring system reads the exit status: its line is the one on standard output,
    /// or the only report.
    fn is_plugin(&self) -> bool {
        match self.reports.as_slice() {
            [(format, _)] => *format == Format::Nagios,
            many => many.contains(&(Format::Nagios, Destination::Stdout)),
        }
    }
}

fn requested(options: &ReportOptions) -> anyhow::Result<Vec<(Format, Destination)>> {
    let to = |file: &Path| Destination::named(file);
    Ok(match (options.format.as_slice(), &options.output) {
        ([], None) => vec![(Format::default(), Destination::Stdout)],
        ([], Some(file)) => vec![(Format::default(), to(file))],
        ([only], Some(file)) if only.file.is_none() => vec![(only.format, to(file))],
        (_, Some(_)) => bail!(
            "--output goes with a single --format that names no file; \
             give each format a file of its own, as in --format junit=FILE"
        ),
        (several, None) => several
            .iter()
            .map(|it| (it.format, it.file.as_deref().map_or(Destination::Stdout, to)))
            .collect(),
    })
}

fn told_twice(destination: &Destination) -> String {
    let place = match destination {
        Destination::Stdout => "standard output".into(),
        Destination::Stderr => "standard error".into(),
        Destination::File(path) | Destination::EndOf(path) => path.display().to_string(),
    };
    format!("two reports cannot both go to {place}; give one a file, as in --format junit=FILE")
}

/// The file to whose end GitHub Actions wants the summary of a job's step.
fn job_summary() -> Option<PathBuf> {
    env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}
