//! Measures the card logout-survival in a machine of the lab: `logout-survival USER USER USER`.
//!
//! It ends login sessions, so it is a program of the lab and no part of `doctor`. It judges what it
//! measured by the card, as `doctor` does, and writes the verdict and the facts as JSON.

mod lab_user;
mod measurement;

use std::time::{Duration, Instant};

use launch_doctor::judge::{Baseline, Card, Platform, judge};
use launch_probes::Outcome;
use launch_probes::host::{Manager, Versions};

const CARD: &str = include_str!("../../../../probes/session/logout_survival.toml");
/// How long the measurement may take.
const TIMEOUT: Duration = Duration::from_secs(30);

fn main() -> Result<(), toml::de::Error> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let card = Card::parse(CARD)?;
    let deadline = Instant::now() + TIMEOUT;
    let versions = Versions::query(deadline);
    let outcome = match measurement::measure(&names, deadline) {
        Ok(measurement) => Outcome::Measured(measurement),
        Err(reason) => Outcome::NotMeasured(reason),
    };
    let versions = versions.wait();
    let platform = Platform { versions: &versions, manager: Manager::User };
    let judgement = judge(&card, &outcome, Baseline::Cards(platform));
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
    fn the_program_declares_the_facts_and_values_of_the_card() {
        let card = Card::parse(CARD).unwrap();
        let on_card: BTreeMap<&str, BTreeSet<&str>> = card
            .facts
            .iter()
            .map(|(name, fact)| (name.as_str(), fact.values.keys().map(String::as_str).collect()))
            .collect();
        let declared: BTreeMap<&str, BTreeSet<&str>> = measurement::FACTS
            .iter()
            .map(|fact| (fact.name, fact.values.iter().copied().collect()))
            .collect();
        assert_eq!(declared, on_card);
    }
}
