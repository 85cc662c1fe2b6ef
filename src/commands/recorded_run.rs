use std::time::Duration;

use jiff::Timestamp;
use launch_probes::host::ManagerStatus;
use launch_probes::runner::ProbeResult;
use launch_probes::{Measurement, NotMeasured, Outcome};

use super::host::host_of_record;
use super::run::{ProbeAttempt, Run};
use crate::config::RunConfig;
use crate::judge::{Entry, Record};

impl Run {
    /// Returns what a record holds as if it had been measured now, for the probes of a configuration.
    pub(super) fn of_record(record: &Record, config: &RunConfig) -> Self {
        let attempts = config
            .catalogue
            .entries()
            .iter()
            .map(|entry| ProbeAttempt {
                result: ProbeResult {
                    outcome: outcome(record, entry),
                    elapsed: Duration::ZERO,
                    blocked_by: None,
                },
                count: 1,
            })
            .collect();
        Self {
            host: host_of_record(record),
            versions: record.versions(),
            manager: ManagerStatus::Running { version: String::new(), names: 0 },
            started: Timestamp::now(),
            elapsed: Duration::ZERO,
            cleaned_runs: Vec::new(),
            attempts,
        }
    }
}

fn outcome(record: &Record, entry: &Entry) -> Outcome {
    let Some(facts) = record.facts.get(&entry.card.id) else {
        return Outcome::NotMeasured(NotMeasured::Skipped("the record has no facts of it".into()));
    };
    // A doctor of another version may know facts that this one does not.
    let is_known = |(name, value): &(&String, &String)| {
        entry.card.facts.get(*name).is_some_and(|fact| fact.values.contains_key(*value))
    };
    let facts = facts.iter().filter(is_known).map(|(name, value)| (name.clone(), value.clone()));
    Outcome::Measured(Measurement { facts: facts.collect(), ..Measurement::default() })
}
