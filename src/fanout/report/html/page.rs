use maud::{Markup, html};

use super::axis::time;
use super::fire_section::fire_section;
use super::lock_section::lock_section;
use super::unit_table::unit_table;
use crate::fanout::report::finding::peak;
use crate::fanout::{Fanout, FanoutReport, Outcome, SourceKind};
use crate::text::page::page;
use crate::text::printable;

const STYLE: &str = include_str!("style.css");

/// The report as a page.
pub(in crate::fanout::report) fn render(report: &FanoutReport) -> String {
    let fanout = &report.fanout;
    let title = title(fanout);
    let body = html! {
        header {
            h1 { (title) }
            p.source { (fanout.source.name) (window(fanout)) }
            (verdict(fanout))
            dl.figures.sums {
                @for (name, value) in sums(fanout) { div { dt { (name) } dd { (value) } } }
            }
            (legend())
        }
        main {
            @for fire in &fanout.fires {
                (fire_section(fire, fanout.expected, fanout.window.until))
            }
            @if fanout.fires.is_empty() { p { "There was no fire in this window." } }
            (lock_section(fanout))
            (unit_table(fanout))
        }
        footer { "doctor fanout " (report.doctor.version) ", exit status " (report.exit.code()) }
    };
    // A name can hold characters that are not seen.
    printable(&page(&title, STYLE, &body)).into_owned()
}

fn title(fanout: &Fanout) -> String {
    let members = if fanout.units.is_empty() {
        String::new()
    } else {
        format!(" of {}", fanout.units.join(", "))
    };
    let by = match fanout.dispatchers.as_slice() {
        [] => String::new(),
        names => format!(" by {}", names.join(", ")),
    };
    format!("Fan-out{members}{by}")
}

fn window(fanout: &Fanout) -> Markup {
    html! {
        @if let Some(since) = fanout.window.since { ", from " (time(since)) }
        @if let Some(until) = fanout.window.until { " to " (time(until)) }
    }
}

/// Whether it shows everything, and why not.
fn verdict(fanout: &Fanout) -> Markup {
    let what = match fanout.source.kind {
        SourceKind::Journal | SourceKind::File => "The journal",
        SourceKind::Watch => "The watch",
        SourceKind::Live => "The measurement",
        SourceKind::History => "The lock history",
    };
    html! {
        @if fanout.complete {
            p.complete { (what) " is complete." }
        } @else {
            div.incomplete role="note" {
                p { b { (what) " is incomplete." } " What is missing can change every figure on this page." }
                ul { @for reason in &fanout.why { li { (reason.text) } } }
            }
        }
    }
}

fn sums(fanout: &Fanout) -> Vec<(&'static str, String)> {
    let totals = &fanout.totals;
    let ran = match totals.claimed {
        0 => totals.spawned.to_string(),
        claimed => format!("{} of {claimed}", totals.spawned),
    };
    vec![
        ("fires", fanout.fires.len().to_string()),
        ("units ran", ran),
        ("peak", peak(fanout.peak())),
        ("failed", totals.failed.to_string()),
        ("refused", totals.refused.to_string()),
        ("skipped", totals.skipped.to_string()),
        ("lock violations", totals.same_lock_violations.to_string()),
    ]
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label="Legend" {
            @for outcome in Outcome::ALL {
                li class=(outcome.name()) { i {} (outcome.name().replace('-', " ")) }
            }
        }
    }
}
