use serde_json::Value;

use super::fleet::{Fleet, fire};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(what_ran_is_what_the_members_stamped);

/// How many fleets a release runs, unless `DOCTOR_FLEETS` asks for more.
const FLEETS: u32 = 8;
/// How much longer than its own stamps a member's cgroup may be there, in seconds, on a busy host.
const SLACK: f64 = 0.4;

fn what_ran_is_what_the_members_stamped(release: Release) {
    let machine = Machine::boot(release);
    Fleet::prepare(&machine);
    let fleets =
        std::env::var("DOCTOR_FLEETS").ok().and_then(|it| it.parse().ok()).unwrap_or(FLEETS);
    for number in 0..fleets {
        let seed = 1000 * release.systemd() as u32 + number;
        let fleet = Fleet::run(&machine, seed, 1 + (number * 7) % 32);
        assert_fleet(&fleet, seed, release);
    }
}

fn assert_fleet(fleet: &Fleet, seed: u32, release: Release) {
    let (watch, journal) = (fire(&fleet.watch), fire(&fleet.journal));
    let context = || format!("fleet {seed}\nwatch {watch:#}\njournal {journal:#}");
    for (unit, expected) in &fleet.expected {
        // Clean ends of simple services and scopes are in the journal of 247 alone.
        let in_journal = match expected.as_str() {
            "clean" if release == Debian11 => "succeeded",
            "clean" => "end-unknown",
            other => other,
        };
        let in_watch = if expected == "clean" { "succeeded" } else { expected };
        assert_eq!(outcome(journal, unit), in_journal, "journal, {unit}, {}", context());
        assert_eq!(outcome(watch, unit), in_watch, "watch, {unit}, {}", context());
    }
    for report in [watch, journal] {
        assert_eq!(report["spawned"], fleet.spawned, "{}", context());
        assert_eq!(report["claimed"]["spawned"], fleet.spawned, "{}", context());
        let skipped: u64 = ["condition", "exec_condition", "lock_busy"]
            .iter()
            .filter_map(|reason| report["skipped"][reason].as_u64())
            .sum();
        assert_eq!(skipped, fleet.skipped, "{}", context());
        let refused = report["refused"].as_array().unwrap();
        assert_eq!(refused.len() as u64, fleet.refused, "{}", context());
        assert!(refused.iter().all(|it| it["failure_mode"] == "env-block-spaces"), "{}", context());
        assert_eq!(report["violations"]["proved"], 0);
    }
    let peak = |report: &Value, bound: &str| report["peak"][bound].as_u64().unwrap();
    let exact = peak(watch, "low");
    assert_eq!(exact, peak(watch, "high"), "a watch gives one number: {}", context());
    let busy = fleet.expected.iter().filter(|(_, outcome)| outcome == "skipped").count() as u64;
    assert!(
        fleet.peak(0.0).saturating_sub(busy) <= exact && exact <= fleet.peak(SLACK),
        "the watch saw {exact}, the stamps {} to {}: {}",
        fleet.peak(0.0),
        fleet.peak(SLACK),
        context()
    );
    assert!(
        peak(journal, "low") <= exact && exact <= peak(journal, "high"),
        "the watch saw {exact}: {}",
        context()
    );
    assert_eq!(fleet.watch["fanout"]["complete"], true, "{:#}", fleet.watch["fanout"]["why"]);
    assert_eq!(fleet.journal["fanout"]["complete"], true, "{:#}", fleet.journal["fanout"]["why"]);
}

fn outcome<'a>(fire: &'a Value, unit: &str) -> &'a str {
    let units = fire["units"].as_array().expect("units");
    let run = units.iter().find(|run| run["unit"] == unit);
    run.and_then(|run| run["outcome"].as_str()).unwrap_or("missing")
}
