//! Analyses a fan-out: which units ran, when, at the same time or not, and one at a time where they
//! must. Pure: a function of what readers of the host have read.

mod analysis;
mod claim;
mod completeness;
mod concurrency;
mod fire;
mod journal;
mod journal_entry;
mod journal_event;
mod journal_export;
mod journal_json;
mod live_run;
mod lock_attribution;
mod lock_history;
mod lock_usage;
mod model;
mod moment;
mod outcome;
mod refusal;
pub mod report;
mod timer_schedule;
mod unit_pattern;
mod unit_run;
mod watch_log;

pub use analysis::{Input, analyse, analyse_runs, finish, report_fire};
pub use claim::Claim;
pub use completeness::{
    BusyStretch, Gap, JournalReach, RATE_INTERVAL, Reason, busy_stretches, hits_rate_limit,
};
pub use concurrency::{Count, Peak, Step, curve, peak};
pub use fire::{FireRuns, Grouping, RefusedLine, group};
pub use journal::{BadRecords, Journal, NotALog};
pub use journal_entry::{FIELDS, JournalEntry};
pub use journal_event::JournalEvent;
pub use live_run::{LiveRun, live_fanout};
pub use lock_history::{Acquisition, LockHistory};
pub use lock_usage::{LockUsage, Overlap, Violations, lock_usages};
pub use model::{
    Fanout, FanoutReport, Fire, FireUnit, Grade, HOLDS, LockHold, RefusedLaunch, Skipped, Source,
    SourceKind, Totals, Trigger, Window,
};
pub use moment::Moment;
pub use outcome::{EndSource, Outcome, SkipReason};
pub use refusal::Refusal;
pub use timer_schedule::{Elapsed, TimerSchedule};
pub use unit_pattern::UnitPattern;
pub use unit_run::{UnitRun, unit_runs};
pub use watch_log::{WatchChange, WatchLog};
