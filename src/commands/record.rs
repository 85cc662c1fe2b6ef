use std::collections::BTreeMap;
use std::path::PathBuf;

use launch_probes::Outcome;
use launch_probes::host::{Component, Versions};

use super::measured::{Measured, is_unmeasured};
use super::output;
use super::plan::Plan;
use crate::cli::ExamineOptions;
use crate::exit::Exit;
use crate::judge::{Catalogue, Record};

/// Writes what this host measures as a record.
///
/// # Errors
/// When a name or an option cannot be, or the record could not be written.
pub fn run(
    names: &[String],
    options: &ExamineOptions,
    file: Option<&PathBuf>,
) -> anyhow::Result<Exit> {
    let plan = Plan::new(names, options)?;
    if plan.catalogue.entries().is_empty() {
        return Ok(Exit::NothingSelected);
    }
    let Ok(measured) = Measured::take(&plan)? else { return Ok(Exit::Interrupted) };
    let record = record_of(&plan.catalogue, &measured);
    output::write(&record.to_toml(), file.map(PathBuf::as_path))?;
    // A record that lacks what a probe would have said is not a whole one.
    let is_partial = measured.outcomes.iter().any(|attempted| is_unmeasured(&attempted.timed));
    Ok(if is_partial { Exit::Unmeasured } else { Exit::Fine })
}

fn record_of(catalogue: &Catalogue, measured: &Measured) -> Record {
    let mut facts = BTreeMap::new();
    let mut without_facts = Vec::new();
    for (entry, attempted) in catalogue.entries().iter().zip(&measured.outcomes) {
        let id = entry.card.id.clone();
        match &attempted.timed.outcome {
            Outcome::Measured(measurement) => {
                let mut recorded = measurement.facts.clone();
                recorded
                    .retain(|name, _| !entry.card.facts.get(name).is_some_and(|fact| fact.chance));
                facts.insert(id, recorded);
            }
            Outcome::Unable(_) => without_facts.push(id),
        }
    }
    Record::new(named_versions(&measured.versions), facts, without_facts.into_iter().collect())
}

fn named_versions(versions: &Versions) -> BTreeMap<String, String> {
    let named = |component: Component| {
        Some((component.name().to_owned(), versions.get(component)?.to_owned()))
    };
    Component::ALL.into_iter().filter_map(named).collect()
}
