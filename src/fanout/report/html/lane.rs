use maud::{Markup, html};

use super::axis::{Axis, short};
use crate::fanout::report::finding::{self, span};
use crate::fanout::{FireUnit, Outcome};

/// The lane of one unit: its name, and a bar from its start to its end.
pub(super) fn lane(unit: &FireUnit, axis: Axis) -> Markup {
    let start = unit.at.as_microsecond();
    let end = unit.end.or(unit.latest_end).map(jiff::Timestamp::as_microsecond);
    let left = axis.percent(start);
    let right = match (unit.outcome, end) {
        (Outcome::Skipped | Outcome::Refused, _) => left,
        (Outcome::Running, _) | (Outcome::EndUnknown, None) => 100.0,
        (_, end) => axis.percent(end.unwrap_or(start)),
    };
    let style = format!("--l:{}%;--w:{}%", short(left), short((right - left).max(0.0)));
    html! {
        li tabindex="0" class=(unit.outcome.name()) {
            span.name { (finding::short(&unit.unit)) }
            span.track { i style=(style) {} }
            span.tip role="note" { b { (unit.unit) } " " (describe(unit)) }
        }
    }
}

/// What happened to a unit, in one sentence.
pub(super) fn describe(unit: &FireUnit) -> String {
    let outcome = match unit.outcome {
        Outcome::EndUnknown => "ran; its end is not known",
        Outcome::Running => "is running",
        other => other.name(),
    };
    let detail = unit.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
    let after = unit.seconds.map(|it| format!(", {}", span(it))).unwrap_or_default();
    let again = if unit.restart { ", started again by systemd" } else { "" };
    format!("{outcome}{detail}{after}{again}")
}
