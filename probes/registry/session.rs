use crate::runner::{Need, Probe, Schedule};
use crate::session;

pub(super) const PROBES: &[Probe] = &[
    Probe {
        group: "session",
        name: "linger",
        needs: &[Need::SystemBus, Need::Logind],
        card: include_str!(concat!(env!("OUT_DIR"), "/session/linger.json")),
        facts: session::linger::FACTS,
        schedule: Schedule::Default,
        measure: Some(session::linger::measure),
    },
    Probe {
        group: "session",
        name: "logout_policy",
        needs: &[Need::SystemBus, Need::Logind],
        card: include_str!(concat!(env!("OUT_DIR"), "/session/logout_policy.json")),
        facts: session::logout_policy::FACTS,
        schedule: Schedule::Default,
        measure: Some(session::logout_policy::measure),
    },
    Probe {
        group: "session",
        name: "logout_survival",
        needs: &[],
        card: include_str!(concat!(env!("OUT_DIR"), "/session/logout_survival.json")),
        facts: &[],
        schedule: Schedule::Exclusive,
        measure: None,
    },
];
