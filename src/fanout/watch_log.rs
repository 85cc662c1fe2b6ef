use std::collections::HashMap;

use super::{EndSource, Moment, Outcome, UnitRun};

/// A change of a unit that was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchChange {
    /// It ran as the watch began, since then.
    Present { since: i64 },
    /// It was made.
    Created,
    /// Its first process began.
    Began,
    /// Its last process has ended.
    Ended,
    /// It was removed.
    Removed,
}

/// Puts runs together out of what a watch saw. Begins and ends are exact.
#[derive(Debug, Default)]
pub struct WatchLog {
    runs: Vec<UnitRun>,
    open: HashMap<String, usize>,
    /// Units that were made and have not begun.
    created: HashMap<String, Moment>,
    last: i64,
}

impl WatchLog {
    /// Takes a change in. Two changes never have the same moment: they were seen one after another.
    pub fn add(&mut self, unit: &str, change: WatchChange, at: Moment) {
        let at = Moment { monotonic: at.monotonic.max(self.last + 1), ..at };
        self.last = at.monotonic;
        match change {
            WatchChange::Present { since } => {
                let age = at.realtime.saturating_sub(since).max(0);
                self.begin(unit, at.plus(-age));
            }
            WatchChange::Created => {
                self.created.insert(unit.to_owned(), at);
            }
            WatchChange::Began => {
                self.created.remove(unit);
                self.begin(unit, at);
            }
            WatchChange::Ended => self.end(unit, at),
            WatchChange::Removed => {
                // It came and went between two looks.
                if let Some(created) = self.created.remove(unit) {
                    self.begin(unit, created);
                }
                self.end(unit, at);
            }
        }
    }

    fn begin(&mut self, unit: &str, at: Moment) {
        if self.open.contains_key(unit) {
            return;
        }
        self.open.insert(unit.to_owned(), self.runs.len());
        self.runs.push(UnitRun::watched(unit, at));
    }

    fn end(&mut self, unit: &str, at: Moment) {
        if let Some(index) = self.open.remove(unit) {
            let run = &mut self.runs[index];
            run.end = Some(at);
            run.end_source = Some(EndSource::Cgroup);
            run.outcome = Outcome::EndUnknown;
            run.last_seen = at;
        }
    }

    /// Whether anything has run, and nothing runs now.
    pub fn is_idle(&self) -> bool {
        self.open.is_empty() && !self.runs.is_empty()
    }

    /// Returns the runs, with what the journal says of how they ended.
    pub fn into_runs(self, journal: Vec<UnitRun>) -> Vec<UnitRun> {
        let mut journal: Vec<Option<UnitRun>> = journal.into_iter().map(Some).collect();
        let mut runs = self.runs;
        for run in &mut runs {
            let twin = journal.iter_mut().filter(|known| {
                known.as_ref().is_some_and(|known| known.unit == run.unit && is_same(known, run))
            });
            if let Some(known) =
                twin.min_by_key(|known| distance(known.as_ref(), run)).and_then(Option::take)
            {
                run.explain(&known);
            }
        }
        // What made no cgroup: units that a condition skipped.
        runs.extend(journal.into_iter().flatten().filter(|known| !known.outcome.ran()));
        runs.sort_by_key(UnitRun::at);
        runs
    }
}

/// How far apart the journal and the watch may see one start, in microseconds.
const APART: i64 = 3_000_000;

fn is_same(known: &UnitRun, run: &UnitRun) -> bool {
    distance(Some(known), run) <= APART
}

fn distance(known: Option<&UnitRun>, run: &UnitRun) -> i64 {
    let at = |run: &UnitRun| run.at().realtime;
    known.map_or(i64::MAX, |known| at(known).saturating_sub(at(run)).saturating_abs())
}

impl UnitRun {
    /// Returns a run that a watch sees begin.
    fn watched(unit: &str, at: Moment) -> Self {
        Self {
            unit: unit.to_owned(),
            invocation: None,
            start: Some(at),
            end: None,
            end_source: Some(EndSource::Cgroup),
            outcome: Outcome::Running,
            skip: None,
            detail: None,
            exit: None,
            is_restart: false,
            has_start_phase: true,
            first_seen: at,
            last_seen: at,
            latest_end: None,
        }
    }

    /// Takes over from the journal how the run ended. Without a failure in the journal it succeeded:
    /// managers write of every failure, and not of every success.
    fn explain(&mut self, known: &Self) {
        self.invocation.clone_from(&known.invocation);
        self.is_restart = known.is_restart;
        self.skip = known.skip;
        self.detail.clone_from(&known.detail);
        self.exit = known.exit;
        if self.end.is_some() {
            self.outcome = match known.outcome {
                Outcome::EndUnknown | Outcome::Running => Outcome::Succeeded,
                outcome => outcome,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_realtime(seconds * 1_000_000)
    }

    #[test]
    fn a_unit_that_came_and_went_between_two_looks_has_run() {
        let mut log = WatchLog::default();
        log.add("a", WatchChange::Created, at(1));
        log.add("a", WatchChange::Removed, at(1));
        log.add("b", WatchChange::Created, at(2));
        log.add("b", WatchChange::Began, at(2));
        assert!(!log.is_idle());
        log.add("b", WatchChange::Ended, at(5));
        log.add("b", WatchChange::Removed, at(5));
        assert!(log.is_idle());
        let runs = log.into_runs(Vec::new());
        assert_eq!(runs.len(), 2);
        assert!(runs.iter().all(|run| run.end.is_some()));
        assert!((runs[1].seconds().unwrap() - 3.0).abs() < 0.001);
    }

    #[test]
    fn the_journal_says_how_a_watched_run_ended() {
        let mut log = WatchLog::default();
        for (unit, second) in [("a", 1), ("b", 2)] {
            log.add(unit, WatchChange::Began, at(second));
            log.add(unit, WatchChange::Ended, at(second + 1));
        }
        let mut failed = UnitRun::watched("b", at(2));
        failed.outcome = Outcome::Failed;
        failed.exit = Some(3);
        let mut unknown = UnitRun::watched("a", at(1));
        unknown.outcome = Outcome::EndUnknown;
        let mut skipped = UnitRun::watched("c", at(3));
        skipped.outcome = Outcome::Skipped;
        let runs = log.into_runs(vec![failed, unknown, skipped]);
        let outcomes: Vec<_> = runs.iter().map(|run| (run.unit.as_str(), run.outcome)).collect();
        let expected = [("a", Outcome::Succeeded), ("b", Outcome::Failed), ("c", Outcome::Skipped)];
        assert_eq!(outcomes, expected);
        assert_eq!(runs[1].exit, Some(3));
    }
}
