mod closing;
mod findings;
mod header;
mod probes;

use super::layout::{Detail, Layout};
use super::model::Report;

/// Formats a report for people, in lines of at most `layout.width` columns. Commands to paste are never wrapped.
pub(super) fn render(report: &Report, layout: Layout) -> String {
    match layout.detail {
        Detail::Findings => findings::render(report, layout.width),
        detail => probes::render(report, detail, layout.width),
    }
}
