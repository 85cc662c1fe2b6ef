use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Claim, EndSource, LockUsage, Outcome, Peak, Reason, SkipReason, Violations};
use crate::exit::Exit;

/// Everything that `doctor fanout` says. Keys are only ever added.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FanoutReport {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    pub doctor: Doctor,
    pub fanout: Fanout,
    /// The exit status that follows.
    pub exit: Exit,
}

/// The program that wrote the report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Doctor {
    pub version: &'static str,
}

/// A fan-out: which units ran, when, and whether one at a time where they must.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fanout {
    pub window: Window,
    pub source: Source,
    /// The units whose starts are the fires; empty if there is none.
    pub dispatchers: Vec<String>,
    /// The patterns of the members' names.
    pub units: Vec<String>,
    /// Whether the source shows everything that happened in the window.
    pub complete: bool,
    /// Why it does not.
    pub why: Vec<Reason>,
    /// The newest first.
    pub fires: Vec<Fire>,
    pub locks: Vec<LockUsage>,
    /// Who held which lock when, for the page; the newest [`HOLDS`] of the window.
    #[serde(skip)]
    #[schemars(skip)]
    pub holds: Vec<LockHold>,
    pub totals: Totals,
    /// When the dispatcher's timer elapses next.
    pub next_fire: Option<Timestamp>,
    /// How many units were expected to run at each fire (`--expect`, `--live`).
    pub expected: Option<u32>,
}

/// How many holds of locks are kept for the page.
pub const HOLDS: usize = 2000;

/// A time for which a process held a lock, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHold {
    pub lock: String,
    pub pid: u64,
    pub from: i64,
    /// `None` if no line says that it was released.
    pub to: Option<i64>,
}

/// The time that was examined.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Window {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Where the events are from.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Source {
    pub kind: SourceKind,
    /// In words, for people.
    pub name: String,
    /// How many entries or events were read.
    pub entries: u64,
    /// How many records could not be read, and the line of the first.
    pub bad_records: u64,
    pub first_bad_line: Option<u64>,
    /// How many lock histories were read.
    pub histories: u32,
}

/// A kind of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// The journal of this host.
    Journal,
    /// A file with a journal.
    File,
    /// Events of cgroups, as they happened.
    Watch,
    /// Probe units, launched for this.
    Live,
    /// Lock histories alone.
    History,
}

/// One start of a dispatcher, and what came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Fire {
    pub at: Timestamp,
    pub trigger: Trigger,
    /// The unit that launched; `None` for units that were only started close together.
    pub dispatcher: Option<String>,
    /// What the dispatcher's own lines claim.
    pub claimed: Option<Claim>,
    /// How many units ran.
    pub spawned: u32,
    pub skipped: Skipped,
    pub refused: Vec<RefusedLaunch>,
    pub failed: u32,
    pub stopped: u32,
    pub end_unknown: u32,
    pub running: u32,
    pub peak: Peak,
    /// From the start of the first unit to that of the last, in milliseconds.
    pub spread_ms: Option<f64>,
    /// How many times the timer elapsed in vain before this fire.
    pub swallowed_before: u32,
    /// Same-lock violations between this fire and the next.
    pub violations: Violations,
    pub units: Vec<FireUnit>,
}

/// What started a dispatcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// Its timer, by the times at which that elapses.
    Timer,
    /// Something else than its timer.
    Other,
    /// The source does not say.
    Unknown,
    /// There was no dispatcher: these units were started close together.
    Cluster,
    /// `doctor fanout --live`.
    Live,
}

impl Trigger {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timer => "timer",
            Self::Other => "other",
            Self::Unknown => "unknown",
            Self::Cluster => "cluster",
            Self::Live => "live",
        }
    }
}

/// How many units did not run, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Skipped {
    pub condition: u32,
    pub exec_condition: u32,
    pub lock_busy: u32,
}

impl Skipped {
    /// Returns the sum.
    pub fn total(self) -> u32 {
        self.condition + self.exec_condition + self.lock_busy
    }
}

/// A launch that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RefusedLaunch {
    pub at: Timestamp,
    /// The launcher's own message.
    pub message: String,
    /// The failure mode, for `doctor explain`.
    pub failure_mode: Option<&'static str>,
    pub unit: Option<String>,
}

/// One run of a unit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FireUnit {
    pub unit: String,
    pub invocation: Option<String>,
    /// When it was started, skipped or refused.
    pub at: Timestamp,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    pub end_source: Option<EndSource>,
    pub outcome: Outcome,
    /// Why it was skipped.
    pub skip: Option<SkipReason>,
    pub detail: Option<String>,
    pub exit: Option<i32>,
    pub seconds: Option<f64>,
    /// systemd started it again by itself.
    pub restart: bool,
    /// The latest moment at which it can have ended, where its end is unknown.
    pub latest_end: Option<Timestamp>,
    /// The locks that a history says it took: where a line's script or description names the unit.
    pub locks: Vec<LockUsage>,
}

/// Sums over the window, by the names that the public lock analyser uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Totals {
    /// The most units that ran together in any fire, for certain.
    pub peak_concurrency: u32,
    pub total_acquisitions: u64,
    /// Proved ones.
    pub same_lock_violations: u64,
    pub spawned: u32,
    pub skipped: u32,
    pub refused: u32,
    pub failed: u32,
    /// What the dispatchers claim to have launched.
    pub claimed: u32,
    pub swallowed: u32,
}

/// How a fire is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    Ok,
    /// Something failed, or fewer ran than were claimed.
    Warn,
    /// Launches were refused, none ran, or two were inside one lock.
    Fail,
}

impl Fire {
    /// Returns how many units were to run: what is expected, or what the dispatcher claims.
    pub fn target(&self, expected: Option<u32>) -> Option<u32> {
        expected.or_else(|| self.claimed.and_then(|claim| claim.spawned))
    }

    /// Returns how the fire is to be taken.
    pub fn grade(&self, expected: Option<u32>) -> Grade {
        let target = self.target(expected);
        if !self.refused.is_empty() || target.is_some_and(|target| target > 0 && self.spawned == 0)
        {
            Grade::Fail
        } else if self.failed > 0
            || self.violations.proved > 0
            || target.is_some_and(|target| self.spawned < target)
        {
            Grade::Warn
        } else {
            Grade::Ok
        }
    }
}

impl Fanout {
    /// Returns the exit status that follows: findings outweigh what is incomplete.
    pub fn exit(&self) -> Exit {
        let is_finding =
            |fire: &Fire| fire.grade(self.expected) > Grade::Ok || fire.swallowed_before > 0;
        let is_live_short = self.source.kind == SourceKind::Live
            && self.totals.peak_concurrency < self.expected.unwrap_or_default();
        if self.fires.iter().any(is_finding)
            || self.totals.same_lock_violations > 0
            || is_live_short
            || (self.fires.is_empty() && self.expected.is_some_and(|expected| expected > 0))
        {
            Exit::Findings
        } else if !self.complete {
            Exit::Unmeasured
        } else if self.fires.is_empty() && self.locks.is_empty() {
            Exit::NothingSelected
        } else {
            Exit::Success
        }
    }
}

impl FanoutReport {
    /// Puts a report together.
    pub fn new(fanout: Fanout) -> Self {
        let exit = fanout.exit();
        Self { schema: 1, doctor: Doctor { version: env!("CARGO_PKG_VERSION") }, fanout, exit }
    }
}
