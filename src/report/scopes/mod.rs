//! The report of `doctor scopes`: one file a format, each a pure function of [`Scopes`].

mod figure;
mod human;
mod model;
mod ndjson;
mod prometheus;
mod schema;
mod table;

pub use human::{HumanOptions, human};
pub use model::ScopesReport;
pub use ndjson::ndjson;
pub use prometheus::prometheus;
pub use schema::schema;

/// Returns the report as one JSON document.
pub fn json(report: &ScopesReport) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report is always JSON");
    text.push('\n');
    text
}
