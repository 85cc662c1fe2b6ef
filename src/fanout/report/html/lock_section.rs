use maud::{Markup, html};

use super::axis::{Axis, short};
use crate::fanout::report::finding::{lock_sentences, span};
use crate::fanout::{Fanout, LockHold, LockUsage};

/// How many holds of a lock are drawn.
const DRAWN: usize = 400;

/// The locks: who held each when. Holds that overlap are drawn one below the other.
pub(super) fn lock_section(fanout: &Fanout) -> Markup {
    if fanout.locks.is_empty() {
        return html! {};
    }
    html! {
        section.locks {
            h2 { "Locks" }
            @for lock in &fanout.locks { (one_lock(lock, fanout)) }
        }
    }
}

fn one_lock(lock: &LockUsage, fanout: &Fanout) -> Markup {
    let holds: Vec<&LockHold> = fanout.holds.iter().filter(|hold| hold.lock == lock.name).collect();
    let drawn = &holds[holds.len().saturating_sub(DRAWN)..];
    let axis = Axis::of_holds(drawn);
    let violations = match (lock.violations.proved, lock.violations.possible) {
        (0, 0) => "no violation".to_owned(),
        (0, possible) => format!("{possible} possible violations"),
        (1, _) => "1 violation".to_owned(),
        (proved, _) => format!("{proved} violations"),
    };
    html! {
        h3 { (lock.name) }
        p {
            (lock.acquisitions) " acquisitions, the longest " (span(lock.longest_s as f64)) ", "
            (lock.peak) " inside at most, " (violations) "."
            @if drawn.len() < holds.len() { " Drawn are the last " (drawn.len()) "." }
        }
        @if lock.violations.any() {
            ul.said { @for sentence in lock_sentences(lock) { li { (sentence) } } }
        }
        @if !drawn.is_empty() {
            ol.lanes.holds {
                @for (row, holds) in rows(drawn).iter().enumerate() {
                    li {
                        span.name { "holder " (row + 1) }
                        span.track {
                            @for hold in holds { (bar(hold, axis)) }
                        }
                    }
                }
            }
            (axis.scale())
        }
    }
}

fn bar(hold: &LockHold, axis: Axis) -> Markup {
    let left = axis.percent(hold.from.saturating_mul(1_000_000));
    let right = hold.to.map_or(100.0, |to| axis.percent(to.saturating_mul(1_000_000)));
    let style = format!("--l:{}%;--w:{}%", short(left), short((right - left).max(0.0)));
    let seconds =
        hold.to.map_or_else(|| "never released".to_owned(), |to| span((to - hold.from) as f64));
    let title = format!("process {}: {seconds}", hold.pid);
    html! { i tabindex="0" class=[hold.to.is_none().then_some("open")] style=(style) title=(title) {} }
}

/// Puts holds into as few rows as their overlaps allow: the first row in which each has room.
fn rows<'a>(holds: &[&'a LockHold]) -> Vec<Vec<&'a LockHold>> {
    let mut rows: Vec<Vec<&LockHold>> = Vec::new();
    for hold in holds {
        let has_room = |row: &Vec<&LockHold>| {
            row.last().is_some_and(|last| last.to.unwrap_or(i64::MAX) <= hold.from)
        };
        match rows.iter().position(has_room) {
            Some(row) => rows[row].push(hold),
            None if rows.len() < 16 => rows.push(vec![hold]),
            None => {}
        }
    }
    rows
}
