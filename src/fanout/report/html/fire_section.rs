use jiff::Timestamp;
use maud::{Markup, html};

use super::axis::{Axis, time};
use super::curve::curve;
use super::lane::lane;
use crate::fanout::report::finding::{peak, sentences, span};
use crate::fanout::{Fire, Grade, Trigger};

/// One fire: its figures, what there is to say about it, the curve and the lanes.
pub(super) fn fire_section(
    fire: &Fire,
    expected: Option<u32>,
    end_of_window: Option<Timestamp>,
) -> Markup {
    let axis = Axis::of_fire(fire, end_of_window);
    let grade = match fire.grade(expected) {
        Grade::Ok => "ok",
        Grade::Warn => "warn",
        Grade::Fail => "fail",
    };
    html! {
        section.fire.(grade) {
            h2 { (time(fire.at)) " " span.trigger { (trigger(fire)) } }
            dl.figures {
                @for (name, value) in figures(fire, expected) { div { dt { (name) } dd { (value) } } }
            }
            @let sentences = sentences(fire, expected);
            @if !sentences.is_empty() {
                ul.said {
                    @for sentence in sentences {
                        li {
                            (sentence.text)
                            @if let Some(id) = sentence.explain { " " code { "doctor explain " (id) } }
                        }
                    }
                }
            }
            @if !fire.units.is_empty() {
                (curve(fire, axis))
                ol.lanes { @for unit in &fire.units { (lane(unit, axis)) } }
                (axis.scale())
            }
        }
    }
}

fn trigger(fire: &Fire) -> String {
    let by = fire.dispatcher.as_deref().map(|name| format!("by {name}")).unwrap_or_default();
    match fire.trigger {
        Trigger::Timer => format!("timer, {by}"),
        Trigger::Other => format!("not by its timer, {by}"),
        Trigger::Unknown => by,
        Trigger::Cluster => "started close together".into(),
        Trigger::Live => "launched by doctor".into(),
    }
}

fn figures(fire: &Fire, expected: Option<u32>) -> Vec<(&'static str, String)> {
    let ran = match fire.target(expected) {
        Some(target) => format!("{} of {target}", fire.spawned),
        None => fire.spawned.to_string(),
    };
    let mut figures = vec![("ran", ran), ("peak", peak(fire.peak))];
    let mut add = |name, count: u32| {
        if count > 0 {
            figures.push((name, count.to_string()));
        }
    };
    add("failed", fire.failed);
    add("refused", u32::try_from(fire.refused.len()).unwrap_or(u32::MAX));
    add("skipped", fire.skipped.total());
    add("stopped", fire.stopped);
    add("running", fire.running);
    add("ends unknown", fire.end_unknown);
    add("fires swallowed before", fire.swallowed_before);
    add("lock violations", u32::try_from(fire.violations.proved).unwrap_or(u32::MAX));
    if let Some(spread) = fire.spread_ms.filter(|_| fire.spawned > 1) {
        figures.push(("started within", span(spread / 1000.0)));
    }
    figures
}
