//! Random fleets, written down as the managers of five releases write them, must come out as they
//! were: every outcome that a journal can show, and a peak that contains the truth.

use launch_doctor::fanout::{Fanout, Grouping, Input, Journal, UnitPattern, analyse};
use proptest::prelude::*;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clean,
    Fails(u8),
    Killed,
    BusyLock,
    Condition,
    ExecCondition,
    Stopped,
}

#[derive(Debug, Clone)]
struct Member {
    kind: Kind,
    oneshot: bool,
    begin: i64,
    length: i64,
}

fn member() -> impl Strategy<Value = Member> {
    let kind = prop_oneof![
        4 => Just(Kind::Clean),
        2 => (1u8..70).prop_map(Kind::Fails),
        1 => Just(Kind::Killed),
        1 => Just(Kind::BusyLock),
        1 => Just(Kind::Condition),
        1 => Just(Kind::ExecCondition),
        1 => Just(Kind::Stopped),
    ];
    (kind, any::<bool>(), 0i64..5_000_000, 1i64..20_000_000)
        .prop_map(|(kind, oneshot, begin, length)| Member { kind, oneshot, begin, length })
}

const START: i64 = 1_795_895_519_000_000;

/// The entries that a manager writes about a member; `lag` is how late it writes, in microseconds.
fn entries(index: usize, member: &Member, is_247: bool, lag: i64) -> Vec<(i64, Value)> {
    let unit = format!("m-{index}.service");
    let id = if member.kind == Kind::Condition { String::new() } else { format!("inv{index}") };
    let entry = |message_id: &str, text: &str, more: Value| {
        let mut entry = json!({
            "MESSAGE_ID": message_id, "USER_UNIT": unit, "USER_INVOCATION_ID": id,
            "MESSAGE": text, "_SYSTEMD_USER_UNIT": "init.scope", "_BOOT_ID": "b",
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let starting =
        || entry("7d4958e842da4a758f6c1cdc7b36dcc5", "Starting x...", json!({ "JOB_ID": "7" }));
    let started = |text: &str| {
        entry(
            "39f53479d3a045ac8e11786248231fbf",
            text,
            json!({ "JOB_RESULT": "done", "JOB_ID": "7" }),
        )
    };
    let begin = START + member.begin;
    let end = begin + member.length + lag;
    if member.kind == Kind::Condition {
        return vec![(begin, started("x was skipped because of an unmet condition check"))];
    }
    if member.kind == Kind::ExecCondition {
        let skipped = entry(
            "0e4284a0caca4bfc81c0bb6786972673",
            "Skipped",
            json!({ "UNIT_RESULT": "exec-condition" }),
        );
        return vec![
            (begin, starting()),
            (begin + 9, skipped),
            (begin + 10, started("Condition check resulted in x being skipped.")),
        ];
    }
    let mut all = vec![if member.oneshot {
        (begin, starting())
    } else {
        (begin + lag, started("Started x."))
    }];
    let exit = |code: &str, status: u8| {
        entry(
            "98e322203f7a4ed290d09fe03c09fe15",
            "Main process exited",
            json!({ "COMMAND": "ExecStart", "EXIT_CODE": code, "EXIT_STATUS": status.to_string() }),
        )
    };
    let failed = |result: &str| {
        entry("d9b373ed55a64feb8242e02dbe79a49c", "Failed", json!({ "UNIT_RESULT": result }))
    };
    let success = || entry("7ad2d189f7e94e70a38c781354912448", "Succeeded.", json!({}));
    match member.kind {
        Kind::Fails(status) => {
            all.extend([(end, exit("exited", status)), (end + 1, failed("exit-code"))]);
        }
        Kind::BusyLock => all.extend([(end, exit("exited", 75)), (end + 1, failed("exit-code"))]),
        Kind::Killed => all.extend([(end, exit("killed", 9)), (end + 1, failed("signal"))]),
        Kind::Stopped => {
            all.push((
                end - 1,
                entry("de5b426a63be47a7b6ac3eaac82e2f6f", "Stopping x...", json!({})),
            ));
            if is_247 {
                all.push((end, success()));
            }
            all.push((
                end + 1,
                entry(
                    "9d1aaa27d60140bd96365438aad20286",
                    "Stopped x.",
                    json!({ "JOB_RESULT": "done" }),
                ),
            ));
        }
        _ => {
            if is_247 {
                all.push((end, success()));
            }
            if member.oneshot {
                all.push((end + 1, started("Finished x.")));
            }
        }
    }
    all
}

fn analysed(members: &[Member], is_247: bool, lag: i64) -> Fanout {
    let mut all: Vec<(i64, Value)> = members
        .iter()
        .enumerate()
        .flat_map(|(index, member)| entries(index, member, is_247, lag))
        .collect();
    all.sort_by_key(|(at, _)| *at);
    let lines: Vec<String> = all
        .into_iter()
        .map(|(at, mut entry)| {
            entry["__REALTIME_TIMESTAMP"] = json!(at.to_string());
            entry["__MONOTONIC_TIMESTAMP"] = json!((at - START + 1_000_000).to_string());
            entry.to_string()
        })
        .collect();
    let journal = Journal::parse(lines.join("\n").as_bytes(), "FILE").unwrap();
    let grouping = Grouping {
        dispatchers: Vec::new(),
        is_named: false,
        units: vec![UnitPattern::new("m-*")],
        gap: 60_000_000,
    };
    analyse(Input::of_journal(journal, grouping))
}

/// The most members that ran together, by what they did.
fn true_peak(members: &[Member]) -> u32 {
    let ran: Vec<&Member> = members
        .iter()
        .filter(|it| !matches!(it.kind, Kind::Condition | Kind::ExecCondition | Kind::BusyLock))
        .collect();
    let at = |time: i64| {
        ran.iter().filter(|it| it.begin <= time && time < it.begin + it.length).count() as u32
    };
    ran.iter().map(|it| at(it.begin)).max().unwrap_or(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn outcomes_are_those_of_the_members_and_the_peak_contains_the_truth(
        members in prop::collection::vec(member(), 1..33),
        is_247 in any::<bool>(),
        lag in 0i64..90_000,
    ) {
        let fanout = analysed(&members, is_247, lag);
        prop_assert_eq!(fanout.fires.len(), 1);
        let fire = &fanout.fires[0];
        prop_assert_eq!(fire.units.len(), members.len());
        let truth = true_peak(&members);
        prop_assert!(fire.peak.low <= truth && truth <= fire.peak.high, "{:?} {truth}", fire.peak);
        let count = |kind: fn(&Kind) -> bool| members.iter().filter(|it| kind(&it.kind)).count() as u32;
        prop_assert_eq!(fire.skipped.condition, count(|it| *it == Kind::Condition));
        prop_assert_eq!(fire.skipped.exec_condition, count(|it| *it == Kind::ExecCondition));
        prop_assert_eq!(fire.skipped.lock_busy, count(|it| *it == Kind::BusyLock));
        prop_assert_eq!(fire.failed, count(|it| matches!(it, Kind::Fails(_) | Kind::Killed)));
        prop_assert_eq!(fire.stopped, count(|it| *it == Kind::Stopped));
        prop_assert_eq!(fire.spawned + fire.skipped.total(), members.len() as u32);
        let without_end =
            members.iter().filter(|it| it.kind == Kind::Clean && !it.oneshot && !is_247).count() as u32;
        prop_assert_eq!(fire.end_unknown, without_end);
        prop_assert!(fanout.complete, "{:?}", fanout.why);
    }
}
