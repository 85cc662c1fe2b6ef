use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use crate::judge::{Baseline, Policy, Waiver, WaiverState};

/// How the policy took part in a run.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct PolicyReport {
    /// The file that it was read from, if there is one.
    pub file: Option<String>,
    /// The file that was found and not obeyed, and why.
    pub ignored: Option<String>,
    /// The state of each waiver whose probe was selected.
    pub waivers: Vec<WaiverReport>,
}

/// The state of one waiver after a run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WaiverReport {
    pub probe: String,
    pub fact: Option<String>,
    pub reason: String,
    /// The last day on which it applies.
    pub until: Date,
    pub state: WaiverState,
}

impl PolicyReport {
    /// Makes the report of a policy before any probe is judged.
    pub fn of(policy: &Policy) -> Self {
        let file = policy.file.as_ref().map(|path| path.display().to_string());
        Self { file, ignored: policy.ignored.clone(), waivers: Vec::new() }
    }

    /// Returns what the user must know: a policy that was ignored, and waivers that did not apply.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.ignored.iter().cloned().chain(self.waivers.iter().filter_map(WaiverReport::note))
    }

    /// Adds the states of a probe's waivers. A gate has no findings of checks, so a waiver that accepts nothing is
    /// not reported there.
    pub fn add(&mut self, waivers: Vec<(&Waiver, WaiverState)>, baseline: Baseline) {
        let is_check = matches!(baseline, Baseline::Cards(_));
        let shown =
            waivers.into_iter().filter(|(_, state)| is_check || *state != WaiverState::Stale);
        self.waivers.extend(shown.map(|(waiver, state)| WaiverReport {
            probe: waiver.probe.clone(),
            fact: waiver.fact.clone(),
            reason: waiver.reason.clone(),
            until: waiver.until,
            state,
        }));
    }
}

impl WaiverReport {
    /// Returns what the user must know of it, if it did not apply.
    pub fn note(&self) -> Option<String> {
        let of = match &self.fact {
            Some(fact) => format!("{} ({fact})", self.probe),
            None => self.probe.clone(),
        };
        match self.state {
            WaiverState::Used => None,
            WaiverState::Expired => {
                Some(format!("the waiver for {of} expired on {} ({})", self.until, self.reason))
            }
            WaiverState::Stale => Some(format!(
                "the waiver for {of} accepts nothing here; remove it ({})",
                self.reason
            )),
        }
    }
}
