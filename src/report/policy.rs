use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::judge::{Baseline, Policy, Waiver, WaiverState};

/// What an operator's policy had to do with a run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct PolicyReport {
    /// The file that it was read from, if there is one.
    pub file: Option<String>,
    /// What became of each waiver whose probe was selected.
    pub waivers: Vec<WaiverReport>,
}

/// What became of one waiver.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaiverReport {
    pub probe: String,
    pub fact: Option<String>,
    pub reason: String,
    /// The last day on which it counts.
    pub until: Date,
    pub state: WaiverState,
}

impl PolicyReport {
    /// The report of a policy that nothing was judged by yet.
    pub fn of(policy: &Policy) -> Self {
        let file = policy.file.as_ref().map(|path| path.display().to_string());
        Self { file, waivers: Vec::new() }
    }

    /// What the operator is to know of waivers that did not do what they are for.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.waivers.iter().filter_map(WaiverReport::note)
    }

    /// Takes in what became of a probe's waivers. A gate finds no fault with a host's set-up, so
    /// there a waiver that accepts nothing is no news.
    pub fn add(&mut self, waivers: Vec<(&Waiver, WaiverState)>, baseline: Baseline) {
        let is_check = matches!(baseline, Baseline::Cards(_));
        let told =
            waivers.into_iter().filter(|(_, state)| is_check || *state != WaiverState::Stale);
        self.waivers.extend(told.map(|(waiver, state)| WaiverReport {
            probe: waiver.probe.clone(),
            fact: waiver.fact.clone(),
            reason: waiver.reason.clone(),
            until: waiver.until,
            state,
        }));
    }
}

impl WaiverReport {
    /// What the operator is to know of it, if it did not do what it is for.
    pub fn note(&self) -> Option<String> {
        let of = match &self.fact {
            Some(fact) => format!("{} ({fact})", self.probe),
            None => self.probe.clone(),
        };
        match self.state {
            WaiverState::Used => None,
            WaiverState::Expired => Some(format!(
                "the waiver for {of} expired on {} and counts no more ({})",
                self.until, self.reason
            )),
            WaiverState::Stale => Some(format!(
                "the waiver for {of} is stale: there is nothing for it to accept; take it out ({})",
                self.reason
            )),
        }
    }
}
