use std::fmt::Write as _;

use colored::{ColoredString, Colorize};
use jiff::tz::TimeZone;

use super::finding::{lock_sentences, peak, sentences};
use super::table::Table;
use crate::fanout::{Fanout, FanoutReport, Fire, Grade, SourceKind, Trigger};
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// The report for people.
pub(super) fn render(report: &FanoutReport, width: usize) -> String {
    let fanout = &report.fanout;
    let mut text = format!("{}\n", headline(fanout).bold());
    if !fanout.fires.is_empty() {
        push_fires(&mut text, fanout, width);
    }
    let is_single = |line: &str| format!("      {line}");
    for lock in fanout.locks.iter().filter(|lock| lock.violations.any()) {
        for sentence in lock_sentences(lock) {
            let line = one_line(&sentence);
            push_wrapped(&mut text, &line, &is_single(""), &is_single("  "), width);
        }
    }
    push_wrapped(&mut text, &summary(fanout), "", "  ", width);
    for reason in &fanout.why {
        push_wrapped(&mut text, &one_line(&reason.text), "  ? ", "    ", width);
    }
    text
}

/// What was examined.
fn headline(fanout: &Fanout) -> String {
    let mut text = String::from("fan-out");
    if !fanout.units.is_empty() {
        let _ = write!(text, " of {}", fanout.units.join(", "));
    }
    if !fanout.dispatchers.is_empty() {
        let _ = write!(text, " by {}", fanout.dispatchers.join(", "));
    }
    let histories = match fanout.source.histories {
        0 => String::new(),
        1 => ", 1 lock history".into(),
        many => format!(", {many} lock histories"),
    };
    let _ = write!(text, " ({}{histories})", fanout.source.name);
    one_line(&text)
}

fn push_fires(text: &mut String, fanout: &Fanout, width: usize) {
    let mut table = Table::new(&[
        "fire",
        "claimed",
        "spawned",
        "skipped",
        "refused",
        "failed",
        "peak",
        "violations",
    ]);
    for fire in &fanout.fires {
        table.row(cells(fire, fanout));
    }
    let mut lines = table.lines().into_iter();
    let _ = writeln!(text, "    {}", lines.next().unwrap_or_default().dimmed());
    for (fire, line) in fanout.fires.iter().zip(lines) {
        let _ = writeln!(text, "  {} {line}", mark(fire, fanout));
        for sentence in sentences(fire, fanout.expected) {
            push_wrapped(text, &one_line(&sentence.text), "      ", "        ", width);
            if let Some(id) = sentence.explain {
                let _ = writeln!(text, "        {}", format!("doctor explain {id}").dimmed());
            }
        }
    }
}

fn cells(fire: &Fire, fanout: &Fanout) -> Vec<String> {
    let at = fire.at.to_zoned(TimeZone::system());
    let is_today = fanout
        .fires
        .first()
        .is_some_and(|newest| newest.at.to_zoned(TimeZone::system()).date() == at.date());
    let time = if is_today { at.strftime("%H:%M:%S") } else { at.strftime("%m-%d %H:%M:%S") };
    let trigger = match fire.trigger {
        Trigger::Unknown | Trigger::Cluster => "",
        other => other.name(),
    };
    let claimed = match fire.claimed {
        Some(claim) => {
            let number = |it: Option<u32>| it.map_or("?".into(), |it| it.to_string());
            format!("{}/{}", number(claim.spawned), number(claim.skipped))
        }
        None => "–".into(),
    };
    let violations = match (fire.violations.proved, fire.violations.possible) {
        (0, 0) => "0".into(),
        (0, possible) => format!("{possible} possible"),
        (proved, 0) => format!("{proved} proved"),
        (proved, possible) => format!("{proved} proved, {possible} possible"),
    };
    vec![
        format!("{time} {trigger}").trim_end().to_owned(),
        claimed,
        fire.spawned.to_string(),
        fire.skipped.total().to_string(),
        fire.refused.len().to_string(),
        fire.failed.to_string(),
        peak(fire.peak),
        violations,
    ]
}

fn mark(fire: &Fire, fanout: &Fanout) -> ColoredString {
    match fire.grade(fanout.expected) {
        Grade::Ok => "✓".green(),
        Grade::Warn => "!".yellow().bold(),
        Grade::Fail => "✗".red().bold(),
    }
}

/// The last line: how many of what ran, and whether that is everything.
fn summary(fanout: &Fanout) -> String {
    let fires = match fanout.fires.len() {
        0 => "no fire".into(),
        1 => "1 fire".into(),
        many => format!("{many} fires"),
    };
    let totals = &fanout.totals;
    let is_live = fanout.source.kind == SourceKind::Live;
    let ran = match (fanout.expected.filter(|_| is_live), totals.claimed) {
        (Some(expected), _) => format!(
            "{} of {expected} units were inside at the same moment",
            totals.peak_concurrency
        ),
        (None, 0) if totals.spawned == 1 => "1 unit ran".into(),
        (None, 0) => format!("{} units ran", totals.spawned),
        (None, claimed) => format!("{} of {claimed} claimed units ran", totals.spawned),
    };
    let locks = match (totals.same_lock_violations, totals.total_acquisitions) {
        (_, 0) => String::new(),
        (0, 1) => ", 1 lock acquisition without a violation".into(),
        (0, all) => format!(", {all} lock acquisitions without a violation"),
        (1, all) => format!(", 1 same-lock violation in {all} acquisitions"),
        (many, all) => format!(", {many} same-lock violations in {all} acquisitions"),
    };
    let what = match fanout.source.kind {
        SourceKind::Journal | SourceKind::File => "the journal",
        SourceKind::Watch => "the watch",
        SourceKind::Live => "the measurement",
        SourceKind::History => "the lock history",
    };
    let complete = if fanout.complete { "complete" } else { "incomplete" };
    format!("{fires}, {ran}{locks}; {what} is {complete}")
}
