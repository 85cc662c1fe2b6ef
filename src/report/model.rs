use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use launch_probes::host::Manager;
use launch_probes::runner::ProbeResult;
use launch_probes::{Evidence, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use super::policy::PolicyReport;
use super::record_comparison::RecordComparison;
use crate::exit::{Exit, FailOn};
use crate::judge::{Entry, Finding, Judgement, Kind, Verdict};

/// Everything that one run measured and judged. Keys are only added.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// The program that wrote it.
    pub doctor: Doctor,
    /// The host that was examined.
    pub host: Host,
    /// When the run began (RFC 3339).
    pub started: Timestamp,
    /// The duration of the run.
    pub seconds: f64,
    /// The lowest severity that makes the exit status 1.
    pub fail_on: FailOn,
    /// The runs that had ended without cleaning up, and were cleaned up by this one.
    pub swept: Vec<String>,
    /// How the policy took part.
    pub policy: PolicyReport,
    /// What was measured, in the order of the registry.
    pub probes: Vec<ProbeReport>,
    /// The record that the run was compared with, if it was.
    pub record: Option<RecordComparison>,
    /// The number of probes with each verdict.
    pub summary: BTreeMap<Verdict, usize>,
    /// The exit status.
    pub exit: Exit,
}

/// The program that wrote the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Doctor {
    pub version: &'static str,
}

/// The host that was examined.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Host {
    /// The host's name.
    pub name: Option<String>,
    /// The machine ID, hashed for this program as `sd_id128_get_machine_app_specific(3)` does: 32 digits.
    pub machine: Option<String>,
    /// The ID of the boot (random(4), `boot_id`).
    pub boot: Option<String>,
    /// The distribution's full version.
    pub systemd: Option<String>,
    /// Upstream's number.
    pub systemd_version: Option<u64>,
    pub tmux: Option<String>,
    pub git: Option<String>,
    pub util_linux: Option<String>,
    pub kernel: Option<String>,
    pub os: Option<String>,
    /// The manager that launches: `user` or `system`.
    pub manager: &'static str,
    pub user: String,
}

/// One probe's result.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ProbeReport {
    pub id: String,
    pub group: String,
    pub kind: Kind,
    pub title: String,
    pub verdict: Verdict,
    /// One sentence of what was measured, or why it was not.
    pub summary: String,
    pub seconds: f64,
    /// The number of attempts: more than one only if the earlier ones gave no answer.
    pub attempts: u16,
    /// Whether the verdict is by the newest record, which is older than this host's version.
    pub extrapolated: bool,
    pub facts: BTreeMap<String, String>,
    pub expected: BTreeMap<String, String>,
    /// Why there is no measurement.
    pub reason: Option<String>,
    /// The broken need because of which there is no measurement, if one is known.
    pub blocked_by: Option<BlockedBy>,
    /// Each fact that is not as it should be, the worst first.
    pub findings: Vec<Finding>,
    /// What to do about a known problem, in one sentence.
    pub workaround: Option<String>,
    /// Commands that only look, and show more about it.
    pub look: Vec<String>,
    /// Commands that fix it.
    pub fix: Vec<String>,
    pub evidence: Vec<Evidence>,
}

/// Something that probes need and that is broken or missing on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BlockedBy {
    /// Its id: `manager`, `user-bus`, `system-bus`, `logind`, `systemd-run` or `tmux`.
    pub need: String,
    /// Its name in a sentence, such as `the user manager`.
    pub name: String,
}

impl Report {
    /// Makes the report of a run.
    pub fn new(
        host: Host,
        started: Timestamp,
        elapsed: Duration,
        swept: Vec<String>,
        policy: PolicyReport,
        probes: Vec<ProbeReport>,
        fail_on: FailOn,
    ) -> Self {
        let mut summary: BTreeMap<Verdict, usize> =
            Verdict::ALL.into_iter().map(|verdict| (verdict, 0)).collect();
        for probe in &probes {
            *summary.entry(probe.verdict).or_default() += 1;
        }
        let exit = Exit::from_verdicts(probes.iter().map(|probe| probe.verdict), fail_on);
        Self {
            schema: 1,
            doctor: Doctor { version: env!("CARGO_PKG_VERSION") },
            host,
            started,
            seconds: seconds(elapsed),
            fail_on,
            swept,
            policy,
            probes,
            record: None,
            summary,
            exit,
        }
    }
}

impl Report {
    /// Returns what the reader must know besides the verdicts: a policy that did not apply, facts that were not
    /// compared.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        self.policy.notes().chain(self.record.iter().flat_map(RecordComparison::notes))
    }

    /// Returns the number of probes with a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.summary.get(&verdict).copied().unwrap_or(0)
    }

    /// Returns the number of probes with each verdict that any has, the worst first.
    pub fn counts(&self) -> impl Iterator<Item = (Verdict, usize)> {
        let counted = Verdict::ALL.into_iter().map(|verdict| (verdict, self.count(verdict)));
        counted.filter(|(_, count)| *count > 0)
    }
}

impl Host {
    /// Returns what is known of it, under the keys of the JSON report.
    pub fn fields(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("systemd", self.systemd.as_deref()),
            ("tmux", self.tmux.as_deref()),
            ("git", self.git.as_deref()),
            ("util_linux", self.util_linux.as_deref()),
            ("kernel", self.kernel.as_deref()),
            ("os", self.os.as_deref()),
            ("manager", Some(self.manager)),
            ("user", Some(&self.user)),
        ]
    }
}

impl ProbeReport {
    /// Makes the report of one probe from its judgement and measurement.
    pub fn new(
        entry: &Entry,
        judgement: Judgement,
        result: ProbeResult,
        attempts: u16,
        manager: Manager,
    ) -> Self {
        let blocked_by = result.blocked_by.map(|blocker| BlockedBy {
            need: blocker.need.id().to_owned(),
            name: blocker.need.label(manager),
        });
        let Judgement { verdict, extrapolated, expected, summary, reason, findings, look, fix } =
            judgement;
        let measurement = match result.outcome {
            Outcome::Measured(measurement) => measurement,
            Outcome::NotMeasured(_) => launch_probes::Measurement::default(),
        };
        let summary = summary
            .or_else(|| Some(measurement.summary).filter(|text| !text.is_empty()))
            .or_else(|| reason.clone())
            .unwrap_or_default();
        Self {
            id: entry.card.id.clone(),
            group: entry.probe.group.to_owned(),
            kind: entry.card.kind,
            title: entry.card.title.clone(),
            verdict,
            summary,
            seconds: seconds(result.elapsed),
            attempts,
            extrapolated,
            facts: measurement.facts,
            expected,
            reason,
            blocked_by,
            findings,
            workaround: (verdict == Verdict::Known).then(|| entry.card.workaround.text.clone()),
            look,
            fix,
            evidence: measurement.evidence,
        }
    }
}

/// Returns seconds, rounded to milliseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
