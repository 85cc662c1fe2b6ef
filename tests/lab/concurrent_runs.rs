//! Several doctors on one host: they run one at a time, so that each finds what a single one finds.

use launch_doctor::judge::Catalogue;

use crate::lab::Machine;
use crate::lab::Release::*;
use serde_json::Value;

#[test]
fn twenty_at_once_on_real_systemd_find_what_a_lone_one_finds() {
    let machine = Machine::boot(Debian14);
    machine.script("root", "loginctl enable-linger agent");
    let lone = machine.check(&[]);
    machine.script(
        "agent",
        "for i in $(seq 20); do doctor check --deadline 120 --format json >$i.json & done; wait",
    );
    for doctor in 1..=20 {
        let text = machine.script("agent", &format!("cat {doctor}.json"));
        let report: Value = serde_json::from_str(&text).unwrap();
        let [found, alone] = [&report, lone.json()].map(|it| it["probes"].as_array().unwrap());
        assert_eq!(found.len(), alone.len());
        for (found, alone) in std::iter::zip(found, alone) {
            assert_eq!(result(found), result(alone), "doctor {doctor}");
        }
    }
    let left = "systemctl --user list-units --all --plain --no-legend 'launch_doctor_*'
                ls /tmp /run/user/1000 /run/user/1000/systemd | grep launch_doctor_ || true";
    assert_eq!(machine.script("agent", left), "");
}

/// Returns a probe's verdict, reason and facts, without those that vary by chance.
fn result(probe: &Value) -> (String, Vec<(String, String)>) {
    let id = probe["id"].as_str().unwrap();
    let catalogue = Catalogue::select(&[id.to_owned()], &[]).unwrap();
    let card = &catalogue.entries()[0].card;
    let facts = probe["facts"].as_object().unwrap().iter();
    let facts = facts
        .filter(|(fact, _)| !card.facts[*fact].nondeterministic)
        .map(|(fact, value)| (fact.clone(), value.to_string()));
    (format!("{} {} {}", probe["id"], probe["verdict"], probe["reason"]), facts.collect())
}

/// Holds the lock of a run until both doctors have waited for it. Prints their exit statuses: the first
/// got SIGTERM while it waited, the second ran once the lock was free.
const WAIT: &str = r#"
    mkfifo up end
    flock "$XDG_RUNTIME_DIR" sh -c 'echo up >up; read -r line <end' &
    read -r line <up
    waits() { until pgrep -P "$1" >/dev/null; do :; done; }
    doctor check linger >/dev/null & first=$!
    waits "$first"
    kill -TERM "$first"
    wait "$first"; echo "the first: $?"
    doctor check linger >/dev/null & second=$!
    waits "$second"
    echo >end
    wait "$second"; echo "the second: $?"
    pgrep -u agent -x doctor
"#;

#[test]
fn one_that_waits_for_another_can_be_interrupted_and_goes_on_when_that_ends() {
    let machine = Machine::boot(Debian14);
    machine.script("root", "loginctl enable-linger agent");
    let output = machine.agent(&["bash", "-c", WAIT]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "the first: 130\nthe second: 0\n");
}
