//! The sentences about a fire that people read, in the terminal and on the page.

use std::collections::BTreeMap;

use crate::fanout::{Fire, FireUnit, LockUsage, Outcome, Peak};

/// A sentence, and the failure mode that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sentence {
    pub text: String,
    pub explain: Option<&'static str>,
}

impl Sentence {
    fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), explain: None }
    }
}

/// How many units are named in one sentence.
const NAMED: usize = 3;

/// Everything there is to say about a fire that its figures do not say.
pub(super) fn sentences(fire: &Fire, expected: Option<u32>) -> Vec<Sentence> {
    let mut sentences = refused(fire);
    let target = fire.target(expected).unwrap_or(0);
    let accounted = fire.spawned + u32::try_from(fire.refused.len()).unwrap_or(u32::MAX);
    if fire.spawned < target && accounted < target {
        let of = if expected.is_some() { "expected" } else { "claimed" };
        sentences.push(Sentence::new(match fire.spawned {
            0 => format!("none of {target} {of} units ran"),
            ran => format!("{ran} of {target} {of} units ran"),
        }));
    }
    let failed = fire.units.iter().filter(|unit| unit.outcome == Outcome::Failed && !unit.restart);
    sentences.extend(listed(failed, |unit| {
        let detail = unit.detail.as_deref().unwrap_or("failed");
        let after = unit.seconds.map(|it| format!(" after {}", span(it))).unwrap_or_default();
        let verb = if detail.starts_with("exit status") || detail.starts_with("signal") {
            "failed with "
        } else {
            "failed: "
        };
        format!("{} {verb}{detail}{after}", short(&unit.unit))
    }));
    let unknown: Vec<&FireUnit> =
        fire.units.iter().filter(|unit| unit.outcome == Outcome::EndUnknown).collect();
    if let Some(first) = unknown.first() {
        sentences.push(Sentence::new(match unknown.len() {
            1 => format!("the end of {} is not in the journal", short(&first.unit)),
            many => format!("the ends of {many} units are not in the journal"),
        }));
    }
    if fire.swallowed_before > 0 {
        sentences.push(Sentence::new(match fire.swallowed_before {
            1 => "before it, the timer elapsed while the service was still running: one fire was swallowed".into(),
            many => format!("before it, the timer elapsed while the service was still running: {many} fires were swallowed"),
        }));
    }
    sentences
}

fn refused(fire: &Fire) -> Vec<Sentence> {
    let mut by_message: BTreeMap<(&str, Option<&'static str>), usize> = BTreeMap::new();
    for launch in &fire.refused {
        let reason = launch.message.rsplit_once(": ").map_or(&*launch.message, |(_, it)| it);
        let reason = if launch.failure_mode.is_some() { reason } else { &launch.message };
        *by_message.entry((reason.trim_end_matches('.'), launch.failure_mode)).or_default() += 1;
    }
    let all = fire.refused.len();
    let sentence = |((reason, explain), count): ((&str, _), usize)| {
        let launches = match count {
            1 => "1 launch was refused".to_owned(),
            _ if count == all && fire.spawned == 0 => format!("all {count} launches were refused"),
            _ => format!("{count} launches were refused"),
        };
        Sentence { text: format!("{launches}: {reason}"), explain }
    };
    by_message.into_iter().map(sentence).collect()
}

fn listed<'a>(
    units: impl Iterator<Item = &'a FireUnit> + Clone,
    describe: impl Fn(&FireUnit) -> String,
) -> Vec<Sentence> {
    let count = units.clone().count();
    let mut sentences: Vec<Sentence> =
        units.take(NAMED).map(|unit| Sentence::new(describe(unit))).collect();
    match count.saturating_sub(NAMED) {
        0 => {}
        1 => sentences.push(Sentence::new("1 more unit failed")),
        more => sentences.push(Sentence::new(format!("{more} more units failed"))),
    }
    sentences
}

/// What there is to say about a lock: every overlap, up to three.
pub(super) fn lock_sentences(lock: &LockUsage) -> Vec<String> {
    let mut sentences: Vec<String> = lock
        .overlaps
        .iter()
        .take(NAMED)
        .map(|overlap| {
            let [first, second] = overlap.pids;
            match (overlap.proved, overlap.seconds) {
                (true, Some(0)) => format!(
                    "lock {}: {first} and {second} were inside together for less than 1 s",
                    lock.name
                ),
                (true, Some(seconds)) => {
                    format!(
                        "lock {}: {first} and {second} were inside together for {seconds} s",
                        lock.name
                    )
                }
                (true, None) => {
                    format!("lock {}: {first} and {second} were inside together", lock.name)
                }
                (false, _) => format!(
                    "lock {}: {second} came in, and {first} never said that it left",
                    lock.name
                ),
            }
        })
        .collect();
    let more = lock.overlaps.len().saturating_sub(NAMED);
    if more > 0 {
        sentences.push(format!("lock {}: {more} more overlaps", lock.name));
    }
    sentences
}

/// A unit's name without `.service`, as people say it.
pub(super) fn short(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}

/// `3`, or `3-4` where it is not certain.
pub(super) fn peak(peak: Peak) -> String {
    if peak.low == peak.high { peak.low.to_string() } else { format!("{}-{}", peak.low, peak.high) }
}

/// A span of time in its two largest units.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.max(0.0);
    if whole < 1.0 {
        format!("{:.0} ms", whole * 1000.0)
    } else if whole < 10.0 {
        format!("{whole:.1} s")
    } else if whole < 120.0 {
        format!("{whole:.0} s")
    } else if whole < 7200.0 {
        format!("{} min {} s", (whole / 60.0) as u64, (whole % 60.0) as u64)
    } else {
        format!("{} h {} min", (whole / 3600.0) as u64, (whole % 3600.0 / 60.0) as u64)
    }
}
