//! One fleet on five releases: every kind of end that a unit can have.

use rstest::rstest;
use serde_json::Value;

use super::{doctor, json};

/// What each member did, in the words of the report. Ends that only 247 writes are `*`.
const MEMBERS: [(&str, &str); 20] = [
    ("m-okone.service", "succeeded"),
    ("m-oksimple.service", "*"),
    ("m-failsimple.service", "failed exit status 3"),
    ("m-failone.service", "failed exit status 3"),
    ("m-busyone.service", "skipped lock-busy"),
    ("m-busysimple.service", "skipped lock-busy"),
    ("m-killed.service", "failed signal 9"),
    ("m-selfterm.service", "*"),
    ("m-timeoutone.service", "failed it took longer than its timeout"),
    ("m-runtimemax.service", "failed it took longer than its timeout"),
    ("m-stopped.service", "stopped"),
    ("m-stopfail.service", "failed exit status 4"),
    ("m-condition.service", "skipped condition"),
    ("m-assert.service", "skipped condition"),
    ("m-execcond.service", "skipped exec-condition"),
    ("m-execcondone.service", "skipped exec-condition"),
    ("m-restart.service", "failed exit status 1"),
    ("m-scope.scope", "*"),
    ("m-scopefail.scope", "*"),
    ("m-running.service", "*"),
];

#[rstest]
fn every_kind_of_end_is_recognised(
    #[values("debian-11", "debian-12", "debian-12-backports", "debian-13", "debian-14")]
    release: &str,
) {
    let report = json(&mut doctor(release));
    let fires = report["fanout"]["fires"].as_array().unwrap();
    assert_eq!(fires.len(), 1, "{fires:#?}");
    let fire = &fires[0];
    let clean = if release == "debian-11" { "succeeded" } else { "end-unknown" };
    for (unit, expected) in MEMBERS {
        let units = fire["units"].as_array().unwrap();
        let run = units
            .iter()
            .find(|run| run["unit"] == unit && run["restart"] == false)
            .unwrap_or_else(|| panic!("no {unit} in {fire:#}"));
        let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
        let outcome = text("outcome");
        let shown = match outcome.as_str() {
            "skipped" => format!("skipped {}", text("skip")),
            "failed" => format!("failed {}", text("detail")),
            _ => outcome,
        };
        assert_eq!(shown, if expected == "*" { clean } else { expected }, "{unit}");
    }
    assert_eq!(fire["claimed"]["spawned"], 20);
    assert_eq!(fire["claimed"]["skipped"], 4);
    assert_eq!(fire["spawned"], 17);
    assert_eq!(
        [
            &fire["skipped"]["condition"],
            &fire["skipped"]["exec_condition"],
            &fire["skipped"]["lock_busy"]
        ],
        [2, 2, 2]
    );
    let refused: Vec<&Value> = fire["refused"].as_array().unwrap().iter().collect();
    assert!(
        refused.iter().any(|launch| launch["failure_mode"] == "env-block-spaces"),
        "{refused:?}"
    );
    // journald stored one line of 254 without its unit and its writer's name (systemd #33436).
    let seen = if release == "debian-12-backports" { 1 } else { 2 };
    assert_eq!(refused.len(), seen, "{refused:?}");
    let restarts = fire["units"].as_array().unwrap().iter().filter(|run| run["restart"] == true);
    let details: Vec<&str> = restarts.filter_map(|run| run["detail"].as_str()).collect();
    assert_eq!(details, ["exit status 1; then its start limit was hit"]);
    // Six slept at the same time: at least four of them for certain on every release.
    let peak = &fire["peak"];
    assert!(
        peak["low"].as_u64() >= Some(4) && peak["low"].as_u64() <= peak["high"].as_u64(),
        "{peak}"
    );
    assert_eq!(report["fanout"]["complete"], true, "{}", report["fanout"]["why"]);
    assert_eq!(report["exit"], 1);
}
