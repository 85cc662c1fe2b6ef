use crate::fanout;
use crate::runner::{Need, Probe, Schedule};

pub(super) const PROBES: &[Probe] = &[
    Probe {
        group: "fanout",
        name: "fanout_parallel",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!("../fanout/fanout_parallel.toml"),
        facts: fanout::fanout_parallel::FACTS,
        schedule: Schedule::Default,
        measure: Some(fanout::fanout_parallel::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_ends",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!("../fanout/journal_ends.toml"),
        facts: fanout::journal_ends::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::journal_ends::measure),
    },
    Probe {
        group: "fanout",
        name: "timer_health",
        needs: &[Need::Manager],
        card: include_str!("../fanout/timer_health.toml"),
        facts: fanout::timer_health::FACTS,
        schedule: Schedule::Default,
        measure: Some(fanout::timer_health::measure),
    },
    Probe {
        group: "fanout",
        name: "timer_swallows_fires",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun, Need::PlainServices],
        card: include_str!("../fanout/timer_swallows_fires.toml"),
        facts: fanout::timer_swallows_fires::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::timer_swallows_fires::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_usable",
        needs: &[Need::Manager, Need::UserBus, Need::SystemdRun],
        card: include_str!("../fanout/journal_usable.toml"),
        facts: fanout::journal_usable::FACTS,
        schedule: Schedule::LongRunning,
        measure: Some(fanout::journal_usable::measure),
    },
    Probe {
        group: "fanout",
        name: "journal_rate_limit",
        needs: &[],
        card: include_str!("../fanout/journal_rate_limit.toml"),
        facts: &[],
        schedule: Schedule::Exclusive,
        measure: None,
    },
];
