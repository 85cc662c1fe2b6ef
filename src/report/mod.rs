//! One file a format, each a pure function of a [`Report`].

mod card_markdown;
mod card_text;
mod cause;
mod details;
pub mod diagnosis;
pub mod difference;
mod github;
mod headline;
mod html;
mod human;
mod json;
mod junit;
mod layout;
pub mod locks;
mod markdown;
mod matrix;
mod model;
mod nagios;
mod ndjson;
mod policy;
pub mod preview;
mod prometheus;
mod record_comparison;
mod sarif;
mod schema;
pub mod scopes;
mod tap;
mod test_status;
mod verdict_style;
mod yaml;

use clap::ValueEnum;

pub use card_markdown::card_markdown;
pub use card_text::card_text;
pub use headline::headline;
pub use layout::{Detail, Layout};
pub use matrix::matrix;
pub use model::{BlockedBy, Host, ProbeReport, Report};
pub use nagios::{PluginState, plugin_failure, plugin_state, requests_nagios};
pub use policy::{PolicyReport, WaiverReport};
pub use record_comparison::RecordComparison;
pub use schema::schema;

/// A format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// A line of JSON for the run, each probe and the end
    Ndjson,
    /// `JUnit` XML, for CI systems
    Junit,
    /// Test Anything Protocol, version 14
    Tap,
    /// One line of a Nagios plugin, and its exit status
    Nagios,
    /// A file for `node_exporter`'s textfile collector
    Prometheus,
    /// Annotations for GitHub Actions, and a summary of the job
    Github,
    /// A page in Markdown
    Markdown,
    /// A SARIF 2.1.0 log, for code scanning
    Sarif,
    /// One self-contained page
    Html,
}

/// Formats a report. `layout` is for people; other formats have everything.
pub fn render(report: &Report, format: Format, layout: impl Into<Layout>) -> String {
    match format {
        Format::Human => human::render(report, layout.into()),
        Format::Json => json::render(report),
        Format::Ndjson => ndjson::render(report),
        Format::Junit => junit::render(report),
        Format::Tap => tap::render(report),
        Format::Nagios => nagios::render(report),
        Format::Prometheus => prometheus::render(report),
        Format::Github => github::render(report),
        Format::Markdown => markdown::render(report),
        Format::Sarif => sarif::render(report),
        Format::Html => html::render(report),
    }
}
