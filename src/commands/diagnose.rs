use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use anyhow::{Context, bail};

use super::confirm::confirm;
use super::log_source;
use crate::cli::{DiagnoseFormat, DiagnoseOptions};
use crate::config::set_color;
use crate::diagnose::{Analysis, Matcher, Options};
use crate::exit::Exit;
use crate::judge::Catalogue;
use crate::report::diagnosis;
use crate::sink;
use crate::text::printable;

/// Finds known failure modes in logs.
///
/// # Errors
/// When an input cannot be read, or the result could not be written.
pub(super) fn run(options: &DiagnoseOptions) -> anyhow::Result<Exit> {
    set_color(options.color.color, sink::is_terminal());
    let catalogue = Catalogue::select(&[], &[])?;
    let matcher = Matcher::of(&catalogue);
    let cards = catalogue.entries().iter().map(|entry| &entry.card);
    let mut analysis = Analysis::new(&matcher, cards, Options { is_loose: options.loose });
    let is_streamed = read_all(options, &mut analysis)?;
    let mut result = analysis.finish();
    if options.confirm {
        confirm(&mut result)?;
    }
    let text = match options.format {
        DiagnoseFormat::Human => diagnosis::human(&result, is_streamed, options.all, sink::width()),
        DiagnoseFormat::Json => diagnosis::json(&result),
        DiagnoseFormat::Ndjson => diagnosis::ndjson(&result),
        DiagnoseFormat::Github => diagnosis::github(&result),
        DiagnoseFormat::Markdown => diagnosis::markdown(&result),
    };
    sink::write(&text, None)?;
    if result.findings.is_empty() {
        // A pipeline sees the status, and a person must not take it for health.
        eprintln!("doctor: no line is a known failure; that does not mean that the log is healthy");
    }
    Ok(result.exit)
}

/// Reads every input. Returns whether findings were shown as they were made.
fn read_all(options: &DiagnoseOptions, analysis: &mut Analysis) -> anyhow::Result<bool> {
    let reads_pipe = options.files.is_empty() && !options.journal;
    let is_streamed =
        reads_pipe && matches!(options.format, DiagnoseFormat::Human | DiagnoseFormat::Ndjson);
    let mut on_found = |analysis: &Analysis, index: usize| {
        if !is_streamed {
            return Ok(());
        }
        let finding = analysis.finding(index);
        let text = match options.format {
            DiagnoseFormat::Ndjson => diagnosis::line(finding),
            _ => diagnosis::found(finding, false, sink::width()),
        };
        sink::write(&text, None)
    };
    if options.journal {
        let mut child = log_source::journal(&options.since)?;
        let output = child.stdout.take().context("journalctl has no output")?;
        log_source::read("journal", output, analysis, &mut on_found)?;
        log_source::end_journal(child)?;
    } else if reads_pipe {
        if io::stdin().is_terminal() {
            bail!("name a log file, or pipe one: journalctl --user | doctor diagnose");
        }
        // Without the buffer of `Stdin`, a line is seen as soon as it is written.
        let stdin = io::stdin().as_fd().try_clone_to_owned()?;
        log_source::read("-", std::fs::File::from(stdin), analysis, &mut on_found)?;
    }
    for path in &options.files {
        let shown = path.display().to_string();
        if shown == "-" {
            log_source::read("-", io::stdin().lock(), analysis, &mut on_found)?;
        } else {
            let file = log_source::open(path)?;
            log_source::read(&printable(&shown), file, analysis, &mut on_found)?;
        }
    }
    Ok(is_streamed)
}
