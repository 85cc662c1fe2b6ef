use crate::fanout;
use crate::runner::{Need, Probe, Schedule};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        group: "fanout",
        name: "fanout_parallel",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/fanout_parallel.json")),
        facts: fanout::fanout_parallel::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::fanout_parallel::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_ends",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/journal_ends.json")),
        facts: fanout::journal_ends::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::journal_ends::measure),
    },
    Probe {
        group: "fanout",
        name: "timer_health",
        needs: &[Need::Manager],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/timer_health.json")),
        facts: fanout::timer_health::FACTS,
        schedule: Schedule::Default,
        measure: Some(fanout::timer_health::measure),
    },
    Probe {
        group: "fanout",
        name: "timer_swallows_fires",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/timer_swallows_fires.json")),
        facts: fanout::timer_swallows_fires::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::timer_swallows_fires::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_usable",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/journal_usable.json")),
        facts: fanout::journal_usable::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::journal_usable::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_rate_limit",
        needs: &[],
        card: include_str!(concat!(env!("OUT_DIR"), "/fanout/journal_rate_limit.json")),
        facts: &[],
        schedule: Schedule::Exclusive,
        measure: None,
    },
];
