use launch_probes::PROBES;
use schemars::JsonSchema;
use serde::Serialize;

use crate::judge::{Difference, OneSidedFact, Record};

/// How the record that a gate compares with fits this doctor and this host.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RecordComparison {
    /// The version of the doctor that wrote the record.
    pub doctor: String,
    /// Facts that only the record has, as `probe.fact`. They are not compared.
    pub only_recorded: Vec<String>,
    /// Facts that only this run measured, as `probe.fact`. They are not compared.
    pub only_measured: Vec<String>,
}

impl RecordComparison {
    /// Compares a record with what was measured here.
    pub fn new(record: &Record, measured: &Record) -> Self {
        let difference = Difference::between(record, measured);
        // A probe that was not selected is not missing, and one without facts here has a verdict that says so.
        let is_missing = |fact: &&OneSidedFact| {
            measured.facts.contains_key(&fact.probe)
                || !PROBES.iter().any(|probe| probe.id() == fact.probe)
        };
        let name = |fact: &OneSidedFact| format!("{}.{}", fact.probe, fact.fact);
        Self {
            doctor: record.doctor.clone(),
            only_recorded: difference.only_a.iter().filter(is_missing).map(name).collect(),
            only_measured: difference.only_b.iter().map(name).collect(),
        }
    }

    /// Returns what a reader must know: which facts were not compared.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let sides = [("the record", &self.only_recorded), ("this host", &self.only_measured)];
        sides.into_iter().filter(|(_, facts)| !facts.is_empty()).map(|(side, facts)| {
            let (count, noun) = (facts.len(), if facts.len() == 1 { "fact" } else { "facts" });
            format!("{count} {noun} only from {side}, not compared: {}", facts.join(", "))
        })
    }
}
