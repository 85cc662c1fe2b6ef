use std::fmt::{Display, Write as _};

use crate::fanout::{Fanout, FanoutReport, Fire, Outcome};
use crate::text::sanitize::one_line;

/// The report as a file for `node_exporter`'s textfile collector. Every family is a gauge: the figures
/// are those of the window, and go back when it moves on.
pub(super) fn render(report: &FanoutReport) -> String {
    let fanout = &report.fanout;
    let mut page = Page::default();
    let dispatcher = fanout.dispatchers.join(" ");
    let by = [("dispatcher", dispatcher.as_str())];
    let totals = &fanout.totals;
    let fires = &fanout.fires;
    page.one("fires", "Fires in the window.", &by, fires.len());
    page.one(
        "claimed_units",
        "Units that the dispatcher claims to have launched.",
        &by,
        totals.claimed,
    );
    page.one("spawned_units", "Units that ran.", &by, totals.spawned);
    page.family("skipped_units", "Units that did not run, by reason.");
    let skipped = |reason: fn(&Fire) -> u32| fires.iter().map(reason).sum::<u32>();
    for (reason, count) in [
        ("condition", skipped(|fire| fire.skipped.condition)),
        ("exec-condition", skipped(|fire| fire.skipped.exec_condition)),
        ("lock-busy", skipped(|fire| fire.skipped.lock_busy)),
    ] {
        page.sample(&[by.as_slice(), &[("reason", reason)]].concat(), count);
    }
    page.one("refused_launches", "Launches that were refused.", &by, totals.refused);
    page.one("failed_units", "Units that failed.", &by, totals.failed);
    let unknown: u32 = fires.iter().map(|fire| fire.end_unknown).sum();
    page.one("unknown_ends", "Units whose end is not known.", &by, unknown);
    page.one("running_units", "Units that run now.", &by, running(fanout));
    let peak = fanout.peak();
    page.one("peak_low", "Most units that ran together for certain.", &by, peak.low);
    page.one("peak_high", "Most units that can have run together.", &by, peak.high);
    page.one(
        "swallowed_fires",
        "Fires that a timer lost to a dispatcher that still ran.",
        &by,
        totals.swallowed,
    );
    page.one(
        "same_lock_violations",
        "Times that two processes were inside one lock, proved.",
        &by,
        totals.same_lock_violations,
    );
    page.one(
        "lock_acquisitions",
        "Acquisitions in the lock histories.",
        &by,
        totals.total_acquisitions,
    );
    page.one(
        "complete",
        "1 if the source shows everything in the window.",
        &by,
        u8::from(fanout.complete),
    );
    if let Some(last) = fires.first() {
        page.one(
            "last_fire_timestamp_seconds",
            "When the last fire was.",
            &by,
            last.at.as_second(),
        );
        page.one("last_fire_spawned_units", "Units that ran in the last fire.", &by, last.spawned);
        let claimed = last.target(fanout.expected).unwrap_or(last.spawned);
        page.one(
            "last_fire_claimed_units",
            "Units that were to run in the last fire.",
            &by,
            claimed,
        );
    }
    if let Some(next) = fanout.next_fire {
        page.one(
            "next_fire_timestamp_seconds",
            "When the timer elapses next.",
            &by,
            next.as_second(),
        );
    }
    page.text
}

fn running(fanout: &Fanout) -> usize {
    let units = fanout.fires.iter().flat_map(|fire| &fire.units);
    units.filter(|unit| unit.outcome == Outcome::Running).count()
}

/// The text under construction.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn one(
        &mut self,
        name: &'static str,
        help: &str,
        labels: &[(&str, &str)],
        value: impl Display,
    ) {
        self.family(name, help);
        self.sample(labels, value);
    }

    fn family(&mut self, name: &'static str, help: &str) {
        self.name = name;
        let _ = writeln!(
            self.text,
            "# HELP launch_doctor_fanout_{name} {help}\n# TYPE launch_doctor_fanout_{name} gauge"
        );
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let pairs: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(
            self.text,
            "launch_doctor_fanout_{}{{{}}} {value}",
            self.name,
            pairs.join(",")
        );
    }
}

/// A label's value: Prometheus reads these escapes and every other character as it is.
fn escaped(value: &str) -> String {
    one_line(value).replace('\\', r"\\").replace('"', "\\\"")
}
