use std::collections::BTreeMap;

use launch_probes::Outcome;
use launch_probes::host::{Component, Manager, Versions};

use crate::judge::{Catalogue, Record};

/// Returns what was measured as a record, without the facts that differ from run to run. `outcomes` are in the order of the
/// catalogue.
pub(super) fn record_of<'a>(
    catalogue: &Catalogue,
    outcomes: impl IntoIterator<Item = &'a Outcome>,
    versions: &Versions,
    manager: Manager,
) -> Record {
    let mut facts = BTreeMap::new();
    let mut without_facts = Vec::new();
    for (entry, outcome) in catalogue.entries().iter().zip(outcomes) {
        let id = entry.card.id.clone();
        match outcome {
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
    let mut record = Record::new(named_versions(versions), facts, without_facts);
    record.manager = manager;
    record
}

fn named_versions(versions: &Versions) -> BTreeMap<String, String> {
    let named = |component: Component| {
        Some((component.name().to_owned(), versions.get(component)?.to_owned()))
    };
    Component::ALL.into_iter().filter_map(named).collect()
}
