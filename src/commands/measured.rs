use std::collections::BTreeMap;

use launch_probes::Outcome;
use launch_probes::host::{Component, Manager, Versions};

use super::run::Run;
use crate::judge::{Catalogue, Record};

/// Returns what a run measured as a record, without the facts that differ from run to run.
pub(super) fn record_of(catalogue: &Catalogue, run: &Run, manager: Manager) -> Record {
    let mut facts = BTreeMap::new();
    let mut without_facts = Vec::new();
    for (entry, attempt) in catalogue.entries().iter().zip(&run.attempts) {
        let id = entry.card.id.clone();
        match &attempt.result.outcome {
            Outcome::Measured(measurement) => {
                let mut recorded = measurement.facts.clone();
                recorded.retain(|name, _| {
                    !entry.card.facts.get(name).is_some_and(|fact| fact.nondeterministic)
                });
                facts.insert(id, recorded);
            }
            Outcome::NotMeasured(_) => without_facts.push(id),
        }
    }
    let without_facts = without_facts.into_iter().collect();
    let mut record = Record::new(named_versions(&run.versions), facts, without_facts);
    record.manager = manager;
    record
}

fn named_versions(versions: &Versions) -> BTreeMap<String, String> {
    let named = |component: Component| {
        Some((component.name().to_owned(), versions.get(component)?.to_owned()))
    };
    Component::ALL.into_iter().filter_map(named).collect()
}
