use std::collections::BTreeMap;

use launch_probes::Outcome;
use launch_probes::host::ManagerStatus;
use launch_probes::runner::{Need, ProbeResult};

use super::card::{Kind, Severity};
use super::catalogue::Entry;
use super::judgement::Judgement;

/// The check whose launch must work wherever others can.
const CONTROL: &str = "scope-availability";
/// Its fact that says whether it does.
const CONTROL_FACT: &str = "available";

/// Returns what probes need and is broken on this host, as far as is known, with the reason in one sentence.
pub fn broken_needs<'a>(
    manager: &ManagerStatus,
    results: impl Iterator<Item = (&'a Entry, &'a ProbeResult)>,
) -> BTreeMap<Need, String> {
    let mut broken = BTreeMap::new();
    if let ManagerStatus::Unreachable { reason, .. } = manager {
        broken.insert(Need::Manager, format!("the manager does not answer: {reason}"));
    }
    for (entry, result) in results {
        if let Some(blocker) = &result.blocked_by {
            broken.insert(blocker.need, blocker.reason.clone());
        }
        if entry.card.id == CONTROL && is_control_broken(entry, &result.outcome) {
            let reason = format!("no scope can be started on this host; see {CONTROL}");
            broken.entry(Need::SystemdRun).or_insert(reason);
        }
    }
    broken
}

fn is_control_broken(entry: &Entry, outcome: &Outcome) -> bool {
    let Outcome::Measured(measurement) = outcome else { return false };
    let values = entry.card.facts.get(CONTROL_FACT).map(|fact| &fact.values);
    let value = measurement.facts.get(CONTROL_FACT);
    value.zip(values).is_some_and(|(value, values)| {
        let is_fail = values.get(value).is_some_and(|it| it.verdict == Severity::Fail);
        // Launches in other slices than the named one still work.
        is_fail && !value.starts_with("slice-")
    })
}

/// Makes a changed behaviour `unmeasured` if the probe needs what is broken here: then it shows nothing about a
/// version.
pub fn withhold_changes(entry: &Entry, judgement: &mut Judgement, broken: &BTreeMap<Need, String>) {
    let reason = entry.probe.needs.iter().find_map(|need| broken.get(need));
    if let Some(reason) = reason.filter(|_| entry.card.kind == Kind::Pin) {
        judgement.withhold_change(reason);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{Catalogue, Finding, Verdict};
    use launch_probes::Measurement;
    use launch_probes::runner::Blocker;
    use std::time::Duration;

    fn judgement(verdict: Verdict) -> Judgement {
        Judgement {
            verdict,
            extrapolated: false,
            expected: BTreeMap::new(),
            summary: None,
            reason: None,
            findings: vec![Finding {
                fact: "fact".into(),
                verdict,
                measured: "a".into(),
                expected: Some("b".into()),
                text: String::new(),
            }],
            look: Vec::new(),
            fix: vec!["fix".into()],
        }
    }

    fn withheld(id: &str, verdict: Verdict) -> Judgement {
        let catalogue = Catalogue::select(&[id.into()], &[]).unwrap();
        let mut judgement = judgement(verdict);
        let broken = [(Need::SystemdRun, "it is broken".to_owned())].into();
        withhold_changes(&catalogue.entries()[0], &mut judgement, &broken);
        judgement
    }

    #[test]
    fn a_change_that_was_measured_by_a_broken_need_is_unmeasured() {
        for verdict in [Verdict::Regressed, Verdict::Relaxable] {
            let judgement = withheld("env-block-spaces", verdict);
            assert_eq!(judgement.verdict, Verdict::Unmeasured);
            assert_eq!(judgement.reason.as_deref(), Some("it is broken"));
            assert!(judgement.findings.is_empty() && judgement.fix.is_empty());
        }
    }

    #[test]
    fn findings_and_what_is_measured_without_the_need_stay() {
        assert_eq!(withheld("scope-availability", Verdict::Fail).verdict, Verdict::Fail);
        assert_eq!(withheld("flock-order", Verdict::Regressed).verdict, Verdict::Regressed);
        assert_eq!(withheld("tmux-command-limit", Verdict::Regressed).verdict, Verdict::Regressed);
    }

    fn broken(manager: &ManagerStatus, value: &str, blocker: Option<Blocker>) -> Vec<Need> {
        let catalogue = Catalogue::select(&[CONTROL.into()], &[]).unwrap();
        let facts = [(CONTROL_FACT.to_owned(), value.to_owned())].into();
        let outcome = Outcome::Measured(Measurement { facts, ..Measurement::default() });
        let result = ProbeResult { outcome, elapsed: Duration::ZERO, blocked_by: blocker };
        let results = [(&catalogue.entries()[0], &result)].into_iter();
        broken_needs(manager, results).into_keys().collect()
    }

    #[test]
    fn a_need_is_broken_without_a_manager_where_the_control_fails_and_where_it_blocked_a_probe() {
        let running = ManagerStatus::Running { version: "257".into(), names: 200 };
        for value in ["works", "slow", "slice-masked"] {
            assert_eq!(broken(&running, value, None), []);
        }
        assert_eq!(broken(&running, "system-bus-lost", None), [Need::SystemdRun]);
        let blocker = Blocker { need: Need::UserBus, reason: "it does not answer".into() };
        assert_eq!(broken(&running, "works", Some(blocker)), [Need::UserBus]);
        let unreachable = ManagerStatus::Unreachable { reason: "no bus".into(), timed_out: false };
        assert_eq!(broken(&unreachable, "works", None), [Need::Manager]);
    }
}
