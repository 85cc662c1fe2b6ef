use schemars::JsonSchema;
use serde::Serialize;

use super::{EndSource, Moment, UnitRun};

/// How much later than the process a manager may write of its begin or its end, in microseconds. In
/// the lab it was at most 30 ms on a busy host.
const MANAGER_LAG: i64 = 100_000;

/// How many units ran at the same moment: one number if `low` and `high` are equal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Peak {
    /// So many did for certain.
    pub low: u32,
    /// More cannot have.
    pub high: u32,
}

/// The two ways to count a run whose end or order is not certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Only while it ran for certain.
    Certain,
    /// While it can have run.
    Possible,
}

/// A change of the number of units that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: Moment,
    pub running: u32,
}

/// Returns the peak of a set of runs; those that never ran do not count.
pub fn peak<'a>(runs: impl IntoIterator<Item = &'a UnitRun> + Clone) -> Peak {
    let most =
        |count| curve(runs.clone(), count).iter().map(|step| step.running).max().unwrap_or(0);
    let ran = runs.clone().into_iter().any(|run| run.outcome.ran() && run.start.is_some());
    Peak { low: most(Count::Certain).max(u32::from(ran)), high: most(Count::Possible) }
}

/// Returns how many ran at which time.
pub fn curve<'a>(runs: impl IntoIterator<Item = &'a UnitRun>, count: Count) -> Vec<Step> {
    let mut changes: Vec<(Moment, i32)> = Vec::new();
    for run in runs {
        let Some((begin, end)) = extent(run, count) else { continue };
        changes.push((begin, 1));
        if let Some(end) = end {
            changes.push((end.max(begin), -1));
        }
    }
    // At the same moment: for what is certain the ends come first, for what is possible the begins.
    changes.sort_by_key(|(at, change)| match count {
        Count::Certain => (*at, *change),
        Count::Possible => (*at, -*change),
    });
    let mut steps: Vec<Step> = Vec::with_capacity(changes.len());
    let mut running: i32 = 0;
    for (at, change) in changes {
        running += change;
        let running = u32::try_from(running).unwrap_or(0);
        steps.push(Step { at, running });
    }
    steps
}

/// From when until when a run counts; `None` if it does not, and no end if that is open.
fn extent(run: &UnitRun, count: Count) -> Option<(Moment, Option<Moment>)> {
    let start = run.start.filter(|_| run.outcome.ran())?;
    let is_exact = matches!(run.end_source, Some(EndSource::Cgroup | EndSource::Stamp));
    let lag = if is_exact { 0 } else { MANAGER_LAG };
    match count {
        Count::Certain => {
            let begin = start.plus(lag);
            let end = match run.end {
                Some(end) => Some(end.plus(-lag)),
                None if run.outcome == super::Outcome::Running => None,
                // It can have ended at once.
                None => return None,
            };
            end.is_none_or(|end| begin < end).then_some((begin, end))
        }
        Count::Possible => {
            let begin = if run.has_start_phase { start } else { start.plus(-lag) };
            Some((begin, run.end.or(run.latest_end)))
        }
    }
}
