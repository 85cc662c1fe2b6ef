use std::fmt::Write as _;

use maud::{Markup, html};

use super::axis::{Axis, short};
use crate::fanout::report::finding::peak;
use crate::fanout::{Fire, FireUnit, Outcome};

/// The height of the curve in its own units.
const HEIGHT: f64 = 100.0;

/// How many units ran at which time: what is certain as an area, what is possible as a line.
pub(super) fn curve(fire: &Fire, axis: Axis) -> Markup {
    let possible =
        steps(fire, axis, |unit| unit.end.or(unit.latest_end).map(jiff::Timestamp::as_microsecond));
    let certain = steps(fire, axis, |unit| match (unit.end, unit.outcome) {
        (Some(end), _) => Some(end.as_microsecond()),
        (None, Outcome::Running) => None,
        (None, _) => unit.start.map(jiff::Timestamp::as_microsecond),
    });
    let most = possible.iter().map(|(_, running)| *running).max().unwrap_or(0);
    if most <= 0 {
        return html! {};
    }
    let most = f64::from(most);
    let label = format!("Units running at the same time: {} at most", peak(fire.peak));
    html! {
        div.curve {
            span.label { "running" }
            svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-label=(label) {
                path.certain d=(path(&certain, most, true)) {}
                path.possible d=(path(&possible, most, false)) {}
            }
            span.peak title="peak" { (peak(fire.peak)) }
        }
    }
}

/// The changes of the number of running units, by their place in per mille.
fn steps(fire: &Fire, axis: Axis, end: impl Fn(&FireUnit) -> Option<i64>) -> Vec<(f64, i32)> {
    let mut changes: Vec<(i64, i32)> = Vec::new();
    for unit in fire.units.iter().filter(|unit| unit.outcome.ran()) {
        let Some(start) = unit.start.map(jiff::Timestamp::as_microsecond) else { continue };
        changes.push((start, 1));
        if let Some(end) = end(unit) {
            changes.push((end.max(start), -1));
        }
    }
    changes.sort_unstable();
    let mut running = 0;
    let place = |(at, change)| {
        running += change;
        (axis.percent(at) * 10.0, running)
    };
    changes.into_iter().map(place).collect()
}

/// A line of steps; closed for an area.
fn path(steps: &[(f64, i32)], most: f64, is_area: bool) -> String {
    let height = |running: i32| short(HEIGHT - f64::from(running.max(0)) / most * (HEIGHT - 8.0));
    let mut text = format!("M0 {}", height(0));
    for (at, running) in steps {
        let _ = write!(text, "H{}V{}", short(*at), height(*running));
    }
    text.push_str("H1000");
    if is_area {
        let _ = write!(text, "V{}Z", height(0));
    }
    text
}
