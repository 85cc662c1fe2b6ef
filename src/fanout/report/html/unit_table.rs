use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::axis::time;
use crate::fanout::report::finding::span;
use crate::fanout::{Fanout, FireUnit};

/// The lanes again, as a table.
pub(super) fn unit_table(fanout: &Fanout) -> Markup {
    if fanout.fires.iter().all(|fire| fire.units.is_empty()) {
        return html! {};
    }
    html! {
        section.data {
            h2 { "All units" }
            div.wide {
                table {
                    thead {
                        tr {
                            th scope="col" { "unit" }
                            th scope="col" { "at" }
                            th scope="col" { "end" }
                            th.number scope="col" { "time" }
                            th scope="col" { "outcome" }
                            th scope="col" { "detail" }
                        }
                    }
                    @for fire in &fanout.fires {
                        tbody {
                            @if !fire.units.is_empty() {
                                tr.of { th colspan="6" scope="rowgroup" { "fire " (time(fire.at)) } }
                            }
                            @for unit in &fire.units { (row(unit)) }
                        }
                    }
                }
            }
        }
    }
}

fn row(unit: &FireUnit) -> Markup {
    let clock = |at: Option<jiff::Timestamp>| {
        at.map(|at| at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f").to_string())
            .unwrap_or_default()
    };
    html! {
        tr {
            td { (unit.unit) }
            td { (clock(Some(unit.at))) }
            td { (clock(unit.end)) }
            td.number { (unit.seconds.map(span).unwrap_or_default()) }
            td class=(unit.outcome.name()) { (unit.outcome.name()) }
            td { (unit.detail.as_deref().unwrap_or_default()) }
        }
    }
}
