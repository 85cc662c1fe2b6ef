//! One file a format, each a pure function of a [`Report`].

pub mod difference;
mod fold;
mod human;
mod json;
mod matrix;
mod model;
mod page;
mod runbook;
mod style;

use clap::ValueEnum;

pub use matrix::matrix;
pub use model::{Host, ProbeReport, Report};
pub use page::page;
pub use runbook::runbook;
pub use style::{ColorChoice, decide_color};

/// A format in which a report can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Human,
    /// For programs: one document.
    Json,
}

/// Tells a report. `width` is the number of columns, for formats that fold lines.
pub fn render(report: &Report, format: Format, width: usize) -> String {
    match format {
        Format::Human => human::render(report, width),
        Format::Json => json::render(report),
    }
}
