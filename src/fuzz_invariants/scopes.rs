//! What must hold of the rows of agents whatever their names are.

use jiff::Timestamp;
use launch_probes::host::{CgroupLimits, CgroupUsage, Manager, Owner, OwnerEvidence, OwnerKind};

use crate::report::scopes::{HumanOptions, human, prometheus};
use crate::scopes::{Filter, ProcessReading, Reading, SliceReading, UnitReading, analyse};
use crate::text::sanitize::is_hidden;

/// Every format for people of rows that have the texts in turn wherever a host writes one.
pub(super) fn rows(texts: &[&str]) {
    let mut scopes = analyse(reading(texts));
    assert_eq!(scopes.counts().0, texts.len());
    for width in [0, 40, 80, 500] {
        let options = HumanOptions { tree: true, is_selection: false, width };
        assert_seen(&human(&scopes, options));
    }
    let page = prometheus(&scopes);
    assert_seen(&page);
    let is_sample = |line: &str| line.starts_with("# ") || line.starts_with("launch_doctor_");
    assert!(page.lines().all(is_sample));
    let filter = Filter { names: vec![texts[0].to_owned()], ..Filter::default() };
    match filter.apply(&mut scopes) {
        Ok(()) => assert!(!scopes.scopes.is_empty()),
        Err(error) => assert_eq!(error.names, [texts[0]]),
    }
}

fn reading(texts: &[&str]) -> Reading {
    let mut turns = texts.iter().cycle();
    let mut next = || turns.next().map_or_else(String::new, |text| (*text).to_owned());
    let mut unit = |number: usize| UnitReading {
        name: format!("{}.scope", next()),
        slice: "a.slice".into(),
        path: "/a.slice/x.scope".into(),
        since: None,
        usage: CgroupUsage { cpu_usec: Some(u64::MAX), ..Default::default() },
        sample: Some((u64::MAX, 1000)),
        is_orphan: !number.is_multiple_of(2),
        owner: number.is_multiple_of(2).then(|| Owner {
            session: Some(next()),
            ..Owner::without_pane(OwnerKind::Session, OwnerEvidence::UnitName)
        }),
        processes: (0..3)
            .map(|pid| ProcessReading {
                pid,
                ppid: u32::try_from(number).unwrap_or(0) % 4,
                comm: next(),
                threads: u64::MAX,
                resident_bytes: u64::MAX,
                args: Some(vec![next()]),
                ..Default::default()
            })
            .collect(),
    };
    let units = (0..texts.len()).map(&mut unit).collect();
    let slice = SliceReading {
        name: "a.slice".into(),
        path: "/a.slice".into(),
        limits: CgroupLimits { tasks: Some(0), memory_max: Some(1), ..Default::default() },
        usage: CgroupUsage {
            memory_bytes: Some(u64::MAX),
            tasks: Some(u64::MAX),
            ..Default::default()
        },
    };
    Reading {
        now: Timestamp::UNIX_EPOCH,
        manager: Manager::User,
        slices: vec![slice],
        units,
        panes: Vec::new(),
        incomplete: texts.iter().map(|text| (*text).to_owned()).collect(),
    }
}

fn assert_seen(text: &str) {
    let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n');
    assert_eq!(hidden, None);
}
