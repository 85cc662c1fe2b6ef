//! One file a format, each a pure function of a [`FanoutReport`].

mod finding;
mod html;
mod human;
mod ndjson;
mod prometheus;
mod schema;
mod table;
mod trace;

use clap::ValueEnum;

pub use schema::schema;

use super::FanoutReport;

/// A format of a fan-out's report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum FanoutFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: one document.
    Json,
    /// For programs: a line for the run, each fire, each lock and the sums.
    Ndjson,
    /// For monitoring: a file for `node_exporter`'s textfile collector.
    Prometheus,
    /// For people: a page with a lane for each unit.
    Html,
    /// For trace viewers: the Chrome trace format.
    Trace,
}

/// Renders a report. `width` is the number of columns, for the format that folds lines.
pub fn render(report: &FanoutReport, format: FanoutFormat, width: usize) -> String {
    match format {
        FanoutFormat::Human => human::render(report, width),
        FanoutFormat::Json => {
            let mut text = serde_json::to_string_pretty(report).expect("a report is always JSON");
            text.push('\n');
            text
        }
        FanoutFormat::Ndjson => ndjson::render(report),
        FanoutFormat::Prometheus => prometheus::render(report),
        FanoutFormat::Html => html::render(report),
        FanoutFormat::Trace => trace::render(report),
    }
}
