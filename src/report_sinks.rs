use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};

use crate::cli::ReportOptions;
use crate::config::set_color;
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::{
    Detail, Format, Layout, PluginState, Report, plugin_failure, plugin_state, render,
};
use crate::sink::{Sink, width};

/// The formats of a report, each with the place to which it is written.
pub struct ReportSinks {
    reports: Vec<(Format, Sink)>,
    detail: Detail,
}

impl ReportSinks {
    /// Reads the options, fails before anything is measured if a place is not writable, and turns colour on or
    /// off.
    ///
    /// # Errors
    /// When the options contradict each other, or a file could not be written.
    pub fn new(options: &ReportOptions, names: &[String]) -> anyhow::Result<Self> {
        let mut reports = requested(options)?;
        let detail = detail(options.verbose, &reports, names)?;
        for (index, (_, sink)) in reports.iter().enumerate() {
            if reports[..index].iter().any(|(_, other)| other.same_as(sink)) {
                bail!(duplicate_sink(sink));
            }
        }
        if let Some(summary) = job_summary()
            && reports.iter().any(|(format, _)| *format == Format::Github)
        {
            reports.push((Format::Markdown, Sink::Append(summary)));
        }
        for (_, sink) in &reports {
            sink.ensure_writable()?;
        }
        let human = reports.iter().find(|(format, _)| *format == Format::Human);
        let to_terminal = human.is_some_and(|(_, sink)| sink.is_terminal());
        set_color(options.color.color, to_terminal);
        Ok(Self { reports, detail })
    }

    /// Writes a report everywhere, files first, and returns the exit status.
    ///
    /// # Errors
    /// When a place could not be written to. The others are written all the same.
    pub fn write_all(&self, report: &Report) -> anyhow::Result<ExitCode> {
        let layout = Layout { width: width(), detail: self.detail };
        let (streams, files): (Vec<_>, Vec<_>) =
            self.reports.iter().partition(|(_, to)| matches!(to, Sink::Stdout | Sink::Stderr));
        let failures: Vec<String> = files
            .into_iter()
            .chain(streams)
            .filter_map(|(format, to)| to.write(&render(report, *format, layout)).err())
            .map(|error| format!("{error:#}"))
            .collect();
        if !failures.is_empty() {
            return Err(anyhow!(failures.join("; ")));
        }
        Ok(if self.is_plugin() { plugin_state(report).into() } else { report.exit.into() })
    }

    /// Returns the exit status of a run that a signal ended.
    ///
    /// # Errors
    /// When a monitoring system expects a line and it could not be written.
    pub fn interrupted(&self) -> anyhow::Result<ExitCode> {
        if !self.is_plugin() {
            return Ok(Exit::Interrupted.into());
        }
        for (format, sink) in &self.reports {
            if *format == Format::Nagios {
                sink.write(&plugin_failure("a signal ended the run"))?;
            }
        }
        Ok(PluginState::Unknown.into())
    }

    /// Returns whether a person reads the report on a terminal.
    pub fn shows_live(&self) -> bool {
        self.reports.iter().any(|(format, sink)| *format == Format::Human && sink.is_terminal())
    }

    /// Returns whether a monitoring system reads the exit status: its line goes to standard output, or is the
    /// only report.
    fn is_plugin(&self) -> bool {
        match self.reports.as_slice() {
            [(format, _)] => *format == Format::Nagios,
            many => many.contains(&(Format::Nagios, Sink::Stdout)),
        }
    }
}

fn requested(options: &ReportOptions) -> anyhow::Result<Vec<(Format, Sink)>> {
    let to = |file: &Path| Sink::from_path(file);
    Ok(match (options.format.as_slice(), &options.output) {
        ([], None) => vec![(Format::default(), Sink::Stdout)],
        ([], Some(file)) => vec![(Format::default(), to(file))],
        ([only], Some(file)) if only.file.is_none() => vec![(only.format, to(file))],
        (_, Some(_)) => bail!(
            "--output goes with a single --format that names no file; \
             give each format a file of its own, as in --format junit=FILE"
        ),
        (several, None) => several
            .iter()
            .map(|it| (it.format, it.file.as_deref().map_or(Sink::Stdout, to)))
            .collect(),
    })
}

/// Returns how much of the report people see: every probe where each was asked for by its own id.
fn detail(verbose: u8, reports: &[(Format, Sink)], names: &[String]) -> anyhow::Result<Detail> {
    if verbose > 0 && !reports.iter().any(|(format, _)| *format == Format::Human) {
        bail!("--verbose is for --format human; every other format has everything already");
    }
    let are_ids = !names.is_empty() && names.iter().all(|name| Catalogue::is_id(name));
    Ok(match verbose {
        0 if !are_ids => Detail::Findings,
        0 | 1 => Detail::Probes,
        _ => Detail::Evidence,
    })
}

fn duplicate_sink(sink: &Sink) -> String {
    let place = match sink {
        Sink::Stdout => "standard output".into(),
        Sink::Stderr => "standard error".into(),
        Sink::File(path) | Sink::Append(path) => path.display().to_string(),
    };
    format!("two reports cannot both go to {place}; give one a file, as in --format junit=FILE")
}

/// Returns the file to which GitHub Actions wants the summary of a job's step appended.
fn job_summary() -> Option<PathBuf> {
    env::var_os("GITHUB_STEP_SUMMARY").filter(|path| !path.is_empty()).map(PathBuf::from)
}
