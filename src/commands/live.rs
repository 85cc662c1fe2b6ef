use jiff::Zoned;
use jiff::civil::Date;
use launch_probes::host::Versions;
use launch_probes::runner::ProbeResult;
use launch_probes::{Outcome, Probe};

use crate::config::RunConfig;
use crate::judge::{Baseline, Kind, Platform, judge};
use crate::report::headline;
use crate::sink::width;

/// Judges checks while the run goes on. Behaviours are judged at its end, when the versions are known.
pub(super) struct LiveFindings<'a> {
    config: &'a RunConfig,
    no_versions: Versions,
    today: Date,
}

impl<'a> LiveFindings<'a> {
    pub(super) fn new(config: &'a RunConfig) -> Self {
        Self { config, no_versions: Versions::default(), today: Zoned::now().date() }
    }

    /// Returns the line of a finding, if a result is one.
    pub(super) fn headline(&self, probe: &Probe, result: &ProbeResult) -> Option<String> {
        let Outcome::Measured(measurement) = &result.outcome else { return None };
        let entries = self.config.catalogue.entries();
        let entry = entries.iter().find(|entry| std::ptr::eq(entry.probe, probe))?;
        if entry.card.kind != Kind::Check {
            return None;
        }
        let platform =
            Platform { versions: &self.no_versions, manager: self.config.settings.manager };
        let mut judgement = judge(&entry.card, &result.outcome, Baseline::Cards(platform));
        self.config.policy.apply(&entry.card.id, &mut judgement, self.today);
        let verdict = judgement.verdict;
        let summary = judgement.summary.unwrap_or_else(|| measurement.summary.clone());
        verdict
            .is_finding()
            .then(|| headline(&entry.card.id, verdict, &summary, width().saturating_sub(1)))
    }
}
