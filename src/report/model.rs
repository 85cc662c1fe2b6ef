use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use launch_probes::host::{Component, User, Versions, kernel, operating_system};
use launch_probes::sandbox::{Manager, Timed};
use launch_probes::{Evidence, Outcome};
use schemars::JsonSchema;
use serde::Serialize;

use super::policy::PolicyReport;
use crate::exit::{Exit, FailOn};
use crate::judge::{Entry, Finding, Judgement, Kind, Verdict, Version};

/// Everything that one run of `doctor check` has to tell. Keys are only ever added.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// Who tells.
    pub doctor: Doctor,
    /// Where it was measured.
    pub host: Host,
    /// When the run began (RFC 3339).
    pub started: Timestamp,
    /// How long it took.
    pub seconds: f64,
    /// The least verdict that makes the exit status 1.
    pub fail_on: FailOn,
    /// The runs that ended without cleaning up and were swept.
    pub swept: Vec<String>,
    /// What an operator's policy had to do with it.
    pub policy: PolicyReport,
    /// What was measured, in the order of the registry.
    pub probes: Vec<ProbeReport>,
    /// How many probes have which verdict.
    pub summary: BTreeMap<Verdict, usize>,
    /// The exit status that follows.
    pub exit: Exit,
}

/// Who tells.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Doctor {
    pub version: &'static str,
}

/// Where it was measured.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Host {
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
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProbeReport {
    pub id: String,
    pub group: String,
    pub kind: Kind,
    pub title: String,
    pub verdict: Verdict,
    /// One sentence of what was measured, or why it was not.
    pub summary: String,
    pub seconds: f64,
    /// How often it was tried; more than once only where it gave no answer before.
    pub attempts: u16,
    /// Judged by the newest record, which is older than this host's version.
    pub extrapolated: bool,
    pub facts: BTreeMap<String, String>,
    pub expected: BTreeMap<String, String>,
    /// Why there is no measurement.
    pub reason: Option<String>,
    /// Each fact that is not as it should be, the loudest first.
    pub findings: Vec<Finding>,
    /// What to do about a known trouble, in one sentence.
    pub workaround: Option<String>,
    /// Commands to paste.
    pub fix: Vec<String>,
    pub evidence: Vec<Evidence>,
}

impl Report {
    /// Judges what was measured and puts it together.
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
        let exit = Exit::of(probes.iter().map(|probe| probe.verdict), fail_on);
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
            summary,
            exit,
        }
    }
}

impl Report {
    /// How many probes have a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.summary.get(&verdict).copied().unwrap_or(0)
    }

    /// How many probes have which verdict, the loudest first, without those that none has.
    pub fn counts(&self) -> impl Iterator<Item = (Verdict, usize)> {
        let counted = Verdict::ALL.into_iter().map(|verdict| (verdict, self.count(verdict)));
        counted.filter(|(_, count)| *count > 0)
    }
}

impl Host {
    /// What is known of it, under the keys of the JSON report.
    pub fn named(&self) -> [(&'static str, Option<&str>); 8] {
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

    /// Describes this host.
    pub fn read(versions: &Versions, manager: Manager) -> Self {
        let version = |component| versions.get(component).map(str::to_owned);
        let systemd = version(Component::Systemd);
        Self {
            systemd_version: systemd.as_deref().and_then(Version::parse).map(|v| v.major()),
            systemd,
            tmux: version(Component::Tmux),
            git: version(Component::Git),
            util_linux: version(Component::UtilLinux),
            kernel: kernel(),
            os: operating_system(),
            manager: manager.name(),
            user: User::current().name,
        }
    }
}

impl ProbeReport {
    /// Puts one probe's judgement and measurement together.
    pub fn new(entry: &Entry, judgement: Judgement, timed: Timed, attempts: u16) -> Self {
        let Judgement { verdict, extrapolated, expected, reason, findings, fix } = judgement;
        let measurement = match timed.outcome {
            Outcome::Measured(measurement) => measurement,
            Outcome::Unable(_) => launch_probes::Measurement::default(),
        };
        let summary = if measurement.summary.is_empty() {
            reason.clone().unwrap_or_default()
        } else {
            measurement.summary
        };
        Self {
            id: entry.card.id.clone(),
            group: entry.probe.group.to_owned(),
            kind: entry.card.kind,
            title: entry.card.title.clone(),
            verdict,
            summary,
            seconds: seconds(timed.elapsed),
            attempts,
            extrapolated,
            facts: measurement.facts,
            expected,
            reason,
            findings,
            workaround: (verdict == Verdict::Known).then(|| entry.card.workaround.text.clone()),
            fix,
            evidence: measurement.evidence,
        }
    }
}

/// Seconds with three digits, as reports show them.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
