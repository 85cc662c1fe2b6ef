//! Measures the cards that only a machine of the lab may measure: `lab-only ID [ARGUMENT…]`.
//!
//! It ends sessions and floods journals, so it is a program of the lab and no part of `doctor`. It judges what it
//! measured by the card, as `doctor` does, and writes the verdict and the facts as JSON.

mod journal_rate_limit;
mod lab_user;
mod logout_survival;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use launch_doctor::judge::{Baseline, Catalogue, Platform, judge};
use launch_probes::host::{Manager, Versions};
#[cfg(test)]
use launch_probes::sandbox::FactDecl;
use launch_probes::{Measurement, NotMeasured, Outcome};

/// The measurement for a card.
struct LabProbe {
    id: &'static str,
    #[cfg(test)]
    facts: &'static [FactDecl],
    measure: fn(&[String], Instant) -> Result<Measurement, NotMeasured>,
}

const PROBES: [LabProbe; 2] = [
    LabProbe {
        id: "logout-survival",
        #[cfg(test)]
        facts: logout_survival::FACTS,
        measure: logout_survival::measure,
    },
    LabProbe {
        id: "journal-rate-limit",
        #[cfg(test)]
        facts: journal_rate_limit::FACTS,
        measure: journal_rate_limit::measure,
    },
];
/// How long a measurement may take.
const TIMEOUT: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let id = arguments.next().context("the id of a card is missing")?;
    let arguments: Vec<String> = arguments.collect();
    let Some(probe) = PROBES.iter().find(|probe| probe.id == id) else {
        bail!("`{id}` is not measured here")
    };
    let catalogue = Catalogue::select(&[id], &[])?;
    let card = &catalogue.entries()[0].card;
    let deadline = Instant::now() + TIMEOUT;
    let versions = Versions::query(deadline);
    let outcome = match (probe.measure)(&arguments, deadline) {
        Ok(measurement) => Outcome::Measured(measurement),
        Err(reason) => Outcome::NotMeasured(reason),
    };
    let versions = versions.wait();
    let platform = Platform { versions: &versions, manager: Manager::User };
    let judgement = judge(card, &outcome, Baseline::Cards(platform));
    let facts = match &outcome {
        Outcome::Measured(measurement) => &measurement.facts,
        Outcome::NotMeasured(_) => &std::collections::BTreeMap::new(),
    };
    let report = serde_json::json!({
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "summary": judgement.summary,
        "facts": facts,
    });
    println!("{report}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn each_measurement_declares_the_facts_and_values_of_its_card() {
        for probe in PROBES {
            let catalogue = Catalogue::select(&[probe.id.to_owned()], &[]).unwrap();
            let card = &catalogue.entries()[0].card;
            let on_card: BTreeMap<&str, BTreeSet<&str>> = card
                .facts
                .iter()
                .map(|(name, fact)| {
                    (name.as_str(), fact.values.keys().map(String::as_str).collect())
                })
                .collect();
            let declared: BTreeMap<&str, BTreeSet<&str>> = probe
                .facts
                .iter()
                .map(|fact| (fact.name, fact.values.iter().copied().collect()))
                .collect();
            assert_eq!(declared, on_card);
        }
    }
}
