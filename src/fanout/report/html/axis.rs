use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::fanout::report::finding::span;
use crate::fanout::{Fire, LockHold};

/// A stretch of time that is drawn from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    from: i64,
    to: i64,
}

impl Axis {
    /// Returns the stretch of a fire: from its start to the last that is known of it.
    pub(super) fn of_fire(fire: &Fire, end_of_window: Option<Timestamp>) -> Self {
        let from = fire.at.as_microsecond();
        let ends = fire.units.iter().flat_map(|unit| [Some(unit.at), unit.end, unit.latest_end]);
        let is_running = fire.running > 0;
        let now = end_of_window.filter(|_| is_running);
        let to = ends.chain([now]).flatten().map(Timestamp::as_microsecond).max().unwrap_or(from);
        let first = fire.units.iter().filter_map(|unit| unit.start).min();
        let from = first.map_or(from, |first| from.min(first.as_microsecond()));
        Self::new(from, to)
    }

    /// Returns the stretch of a lock's holds.
    pub(super) fn of_holds(holds: &[&LockHold]) -> Self {
        let from = holds.iter().map(|hold| hold.from).min().unwrap_or(0);
        let to = holds.iter().map(|hold| hold.to.unwrap_or(hold.from)).max().unwrap_or(from);
        Self::new(from.saturating_mul(1_000_000), to.saturating_add(1).saturating_mul(1_000_000))
    }

    fn new(from: i64, to: i64) -> Self {
        Self { from, to: to.max(from.saturating_add(1_000_000)) }
    }

    /// Returns the place of a time in percent of the width.
    pub(super) fn percent(self, micros: i64) -> f64 {
        let share = (micros as f64 - self.from as f64) / (self.to as f64 - self.from as f64);
        (share * 100.0).clamp(0.0, 100.0)
    }

    /// Returns the scale: five marks, by the time since the beginning.
    pub(super) fn scale(self) -> Markup {
        let seconds = (self.to as f64 - self.from as f64) / 1e6;
        let marks = (0..=4).map(|quarter| match quarter {
            0 => "0".to_owned(),
            _ => format!("+{}", span(seconds * f64::from(quarter) / 4.0)),
        });
        html! {
            div.scale aria-hidden="true" { @for mark in marks { span { (mark) } } }
        }
    }
}

/// A time for people, with the exact one for programs.
pub(super) fn time(at: Timestamp) -> Markup {
    let local = at.to_zoned(TimeZone::system());
    html! { time datetime=(at.to_string()) { (local.strftime("%Y-%m-%d %H:%M:%S")) } }
}

/// A number with at most two digits after the point.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
