use std::fs;
use std::time::Instant;

use anyhow::Context;
use jiff::Timestamp;
use launch_probes::host::{ManagerState, Versions};
use launch_probes::sandbox::{self, Settings};

use super::live_line::LiveLine;
use super::output;
use crate::cli::CheckOptions;
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::{Host, ProbeReport, Report, decide_color, render};

/// Probes this host and reports.
///
/// # Errors
/// When a name or an option cannot be, or the report could not be written.
pub fn run(names: &[String], options: &CheckOptions) -> anyhow::Result<Exit> {
    let catalogue = Catalogue::select(names, &options.skip)?;
    let settings = settings(options)?;
    let to_terminal = options.output.is_none() && output::is_terminal();
    decide_color(options.color.color, to_terminal);

    let started = Timestamp::now();
    let clock = Instant::now();
    let asked = ManagerState::ask(settings.manager);
    let versions = Versions::read();
    let manager = asked.answer();
    let swept = sandbox::sweep(&settings);
    let probes: Vec<_> = catalogue.entries().iter().map(|entry| entry.probe).collect();
    let mut live_line = LiveLine::new();
    let outcomes = sandbox::run(&probes, &settings, &manager, |event| live_line.on_event(event))
        .context("the probes could not be run")?;
    drop(live_line);
    let Ok(outcomes) = outcomes else { return Ok(Exit::Interrupted) };

    let results = catalogue
        .entries()
        .iter()
        .zip(outcomes)
        .map(|(entry, timed)| ProbeReport::new(entry, timed, &versions))
        .collect();
    let host = Host::read(&versions, settings.manager);
    let swept = swept.iter().map(ToString::to_string).collect();
    let report = Report::new(host, started, clock.elapsed(), swept, results, options.fail_on);
    output::write(&render(&report, options.format, output::width()), options.output.as_deref())?;
    Ok(report.exit)
}

/// What the options ask to have examined, with paths made absolute.
fn settings(options: &CheckOptions) -> anyhow::Result<Settings> {
    let repo = match &options.repo {
        None => None,
        Some(repo) => {
            let shown = repo.display();
            let absolute =
                fs::canonicalize(repo).with_context(|| format!("cannot examine --repo {shown}"))?;
            fs::read_dir(&absolute).with_context(|| format!("cannot read --repo {shown}"))?;
            Some(absolute)
        }
    };
    Ok(Settings {
        manager: options.manager,
        slice: options.slice.clone().filter(|slice| !slice.is_empty()),
        repo,
        deep: options.deep,
        timeout: options.timeout,
        jobs: usize::from(options.jobs),
    })
}
