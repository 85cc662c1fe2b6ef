//! One file a format, each a pure function of a [`Report`].

mod details;
pub mod difference;
pub(crate) mod fold;
mod github;
mod human;
mod json;
mod junit;
mod markdown;
mod matrix;
mod model;
mod nagios;
mod ndjson;
mod page;
mod policy;
pub(crate) mod printable;
mod prometheus;
mod runbook;
mod schema;
mod standing;
mod style;
mod tap;
mod yaml;

use clap::ValueEnum;

pub use matrix::matrix;
pub use model::{Host, ProbeReport, Report};
pub use nagios::{plugin_failure, plugin_state};
pub use page::page;
pub use policy::{PolicyReport, WaiverReport};
pub use printable::printable;
pub use runbook::runbook;
pub use schema::schema;
pub use style::{ColorChoice, decide_color};

/// A format in which a report can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs: one document.
    Json,
    /// For programs: a line each for the run, every probe and the end.
    Ndjson,
    /// For CI systems: JUnit XML.
    Junit,
    /// For test harnesses: the Test Anything Protocol, version 14.
    Tap,
    /// For monitoring: one line of a Nagios plugin, and its exit status.
    Nagios,
    /// For monitoring: a file for node_exporter's textfile collector.
    Prometheus,
    /// For GitHub Actions: annotations, and a summary of the job.
    Github,
    /// For people: a page.
    Markdown,
}

/// Tells a report. `width` is the number of columns, for formats that fold lines.
pub fn render(report: &Report, format: Format, width: usize) -> String {
    match format {
        Format::Human => human::render(report, width),
        Format::Json => json::render(report),
        Format::Ndjson => ndjson::render(report),
        Format::Junit => junit::render(report),
        Format::Tap => tap::render(report),
        Format::Nagios => nagios::render(report),
        Format::Prometheus => prometheus::render(report),
        Format::Github => github::render(report),
        Format::Markdown => markdown::render(report),
    }
}
