//! What must hold of a fan-out's analysis whatever the journal, the lock history and the timers say.

use clap::ValueEnum;
use launch_probes::host::{JournalHeader, Timer};

use crate::cli::ColorChoice;
use crate::config::set_color;
use crate::fanout::report::{FanoutFormat, render};
use crate::fanout::{
    Claim, Fanout, FanoutReport, Grouping, Input, Journal, LiveRun, LockHistory, Outcome, Refusal,
    UnitPattern, analyse, lock_usages,
};
use crate::text::sanitize::is_hidden;

/// Every parser of a fan-out, and every format of what comes of it.
pub fn fanout(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = JournalHeader::parse(bytes);
    let _ = Timer::parse(&text);
    for line in text.lines().take(20) {
        let _ = (Claim::parse(line), LiveRun::parse(line));
        if let Some(refusal) = Refusal::recognise(line) {
            assert!(line.contains(refusal.message) && !refusal.message.is_empty());
        }
        assert!(UnitPattern::new("*").matches(line));
        let _ = UnitPattern::new(line).matches(line);
    }
    let history = LockHistory::parse(&[("FILE", bytes)]).ok();
    for usage in history.iter().flat_map(lock_usages) {
        assert!(usage.violations.proved + usage.violations.possible <= usage.acquisitions);
        assert!(u64::from(usage.peak) <= usage.acquisitions.max(1));
        assert!(usage.violations.proved == 0 || usage.peak >= 2);
    }
    let Ok(journal) = Journal::parse(bytes, "FILE") else { return };
    let records = journal.entries.len() as u64 + journal.bad.count;
    assert!(records <= memchr::memchr_iter(b'\n', bytes).count() as u64 + 1);
    let report = FanoutReport::new(analyse(input(journal, history)));
    assert_counts(&report.fanout);
    set_color(ColorChoice::Never, false);
    for format in FanoutFormat::value_variants() {
        let shown = render(&report, *format, 80);
        match format {
            FanoutFormat::Json | FanoutFormat::Trace => {
                let _: serde_json::Value = serde_json::from_str(&shown).expect("it is JSON");
            }
            FanoutFormat::Ndjson => {
                for line in shown.lines() {
                    let _: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
                }
            }
            FanoutFormat::Human | FanoutFormat::Prometheus | FanoutFormat::Html => {
                let is_wrong = |c: char| is_hidden(c) && c != '\n' && c != '\t';
                assert!(!shown.contains(is_wrong));
            }
        }
    }
}

fn input(journal: Journal, history: Option<LockHistory>) -> Input {
    let grouping = Grouping {
        dispatchers: vec!["fan.service".into()],
        is_named: false,
        units: Vec::new(),
        gap: 60_000_000,
    };
    Input { history, ..Input::of_journal(journal, grouping) }
}

/// No number is larger than what it counts, and no peak claims more than can be.
fn assert_counts(fanout: &Fanout) {
    for fire in &fanout.fires {
        let ran = fire.units.iter().filter(|unit| unit.outcome.ran()).count();
        assert!(fire.spawned as usize <= ran);
        assert!(fire.peak.low <= fire.peak.high);
        assert!(fire.peak.high as usize <= ran);
        assert!(fire.failed + fire.stopped + fire.end_unknown <= fire.units.len() as u32);
        for unit in &fire.units {
            assert!(unit.end.is_none() || unit.outcome != Outcome::Running);
        }
    }
    let spawned: u32 = fanout.fires.iter().map(|fire| fire.spawned).sum();
    assert_eq!(spawned, fanout.totals.spawned);
    assert_eq!(fanout.complete, fanout.why.is_empty());
}
