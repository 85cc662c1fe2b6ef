use super::analysis::{finish, report_fire};
use super::fire::{FireRuns, RefusedLine};
use super::unit_run::UnitRun;
use super::{EndSource, Fanout, Moment, Outcome, Refusal, Source, SourceKind, Trigger};

/// One probe unit of `--live`: when it said that it was inside, and when that it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveRun {
    pub number: u32,
    /// In microseconds since 1970; `None` if it never came.
    pub begin: Option<i64>,
    pub end: Option<i64>,
}

impl LiveRun {
    /// Reads a line such as `3 1795895518656377 1795895518756377`, with `-` for none.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let number = words.next()?.parse().ok()?;
        let mut time = || match words.next()? {
            "-" => Some(None),
            word => word.parse().ok().map(Some),
        };
        Some(Self { number, begin: time()?, end: time()? })
    }
}

/// Reports a launch of probe units, of which each waited inside for all others. `errors` are what
/// the launches said that were refused.
pub fn live_fanout(began: i64, runs: &[LiveRun], errors: &[&str], manager: &str) -> Fanout {
    let at = Moment::from_realtime;
    let fire = FireRuns {
        at: at(began),
        runs: runs.iter().filter_map(unit_run).collect(),
        refusals: errors
            .iter()
            .map(|error| {
                let refusal = Refusal::recognise(error);
                RefusedLine {
                    at: at(began),
                    message: refusal.map_or(*error, |it| it.message).to_owned(),
                    failure_mode: refusal.and_then(|it| it.failure_mode),
                    unit: None,
                }
            })
            .collect(),
        ..FireRuns::default()
    };
    let mut fanout = Fanout::empty();
    fanout.source = Source {
        kind: SourceKind::Live,
        name: format!("{} probe units of the {manager} manager", runs.len()),
        entries: runs.iter().filter(|run| run.begin.is_some()).count() as u64,
        ..fanout.source
    };
    fanout.window.since = at(began).timestamp();
    fanout.window.until =
        runs.iter().filter_map(|run| run.end).max().and_then(|end| at(end).timestamp());
    fanout.expected = u32::try_from(runs.len()).ok();
    fanout.fires = vec![report_fire(&fire, None, None, Trigger::Live)];
    finish(fanout, None, Vec::new())
}

fn unit_run(run: &LiveRun) -> Option<UnitRun> {
    let start = Moment::from_realtime(run.begin?);
    let end = run.end.map(Moment::from_realtime);
    Some(UnitRun {
        unit: format!("probe unit {}", run.number),
        invocation: None,
        start: Some(start),
        end,
        end_source: end.map(|_| EndSource::Stamp),
        outcome: if end.is_some() { Outcome::Succeeded } else { Outcome::EndUnknown },
        skip: None,
        detail: None,
        exit: None,
        is_restart: false,
        has_start_phase: true,
        first_seen: start,
        last_seen: end.unwrap_or(start),
        latest_end: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn fanout(lines: &[&str], errors: &[&str]) -> Fanout {
        let runs: Vec<LiveRun> = lines.iter().filter_map(|line| LiveRun::parse(line)).collect();
        live_fanout(5, &runs, errors, "user")
    }

    #[test]
    fn all_inside_together_is_fine_and_one_fewer_is_a_finding() {
        let all = fanout(&["1 10 50", "2 20 51", "3 30 52"], &[]);
        assert_eq!((all.totals.peak_concurrency, all.exit()), (3, Exit::Success));
        let missing = fanout(&["1 10 50", "2 20 51", "3 - -"], &["Failed to connect to bus: x"]);
        assert_eq!((missing.totals.peak_concurrency, missing.exit()), (2, Exit::Findings));
        assert_eq!(missing.fires[0].refused[0].failure_mode, Some("bus-address"));
        let late = fanout(&["1 10 20", "2 20 51"], &[]);
        assert_eq!(late.exit(), Exit::Findings, "one left before the other came");
    }
}
