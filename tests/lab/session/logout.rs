//! What outlives the last session and terminate-user. The measurement ends sessions, so it is a
//! program of the lab, and `doctor` has no code for it.

use std::fs;
use std::path::Path;

use launch_probes::PROBES;
use rstest::rstest;
use serde_json::Value;

use super::logind_settings::set_logind;
use crate::lab::Release::*;
use crate::lab::lab_only::{self, LAB_ONLY, assert_facts};
use crate::lab::{Machine, Release, doctor};

on_each_release!(what_outlives_the_last_session_and_terminate_user_is_as_recorded);
on_each_release!(no_session_is_ended_unless_three_ordinary_users_are_logged_out);

const ID: &str = "logout-survival";
/// What logind must be set to for the measurement.
const SHORT_DELAY: &str = "UserStopDelaySec=500ms";

/// Boots a machine with a third user and the program that measures.
fn lab_machine(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "useradd third");
    lab_only::put(&machine);
    set_logind(&machine, SHORT_DELAY);
    machine
}

/// Measures as root, after a script.
#[track_caller]
fn measure_in(machine: &Machine, script: &str, users: &str) -> Value {
    lab_only::measure(machine, "root", script, &format!("{ID} {users}"))
}

#[track_caller]
fn measure(machine: &Machine) -> Value {
    measure_in(machine, "", "agent other third")
}

fn what_outlives_the_last_session_and_terminate_user_is_as_recorded(release: Release) {
    let machine = lab_machine(release);
    let report = measure(&machine);
    assert_facts(
        &report,
        &[
            ("scope", "ends"),
            ("service", "ends"),
            ("tmux-server", "ends"),
            ("delay", "kept"),
            ("scope-beside-leftover", "lives"),
            ("scope-lingering", "lives"),
            ("service-lingering", "lives"),
            ("tmux-server-lingering", "lives"),
            ("scope-terminated", "ends"),
            ("service-terminated", "ends"),
            ("tmux-server-terminated", "ends"),
            ("manager-terminated", "ends"),
            ("linger-terminated", "lives"),
            ("leftover-terminated", if release.systemd() < 256 { "lives" } else { "ends" }),
        ],
    );
    assert_eq!(report["verdict"], "known", "{report:#}");
    let left = machine.script("root", "ps -e -o args= | grep '^sleep infinity' || true");
    let lingering = machine.script("root", "ls /var/lib/systemd/linger");
    assert_eq!((left.as_str(), lingering.as_str()), ("", ""), "it left something");

    // After terminate-user a lingering user has no manager until lingering is enabled once more.
    let until = |state: &str| {
        format!("until [ \"$(systemctl is-active user@1000)\" = {state} ]; do sleep 0.02; done")
    };
    let (on, off) = ("loginctl enable-linger agent", "loginctl terminate-user agent");
    let (up, down) = (until("active"), until("inactive"));
    machine.script("root", &format!("{on}; {up}; {off}; {down}; {on}; {up}"));
    assert_eq!(measure(&machine)["verdict"], "skipped");
}

#[test]
fn another_outcome_of_a_logout_is_noticed() {
    let machine = lab_machine(Debian13);
    // logind reads a linger file that was made by hand at the next login.
    let file = "/var/lib/systemd/linger/agent";
    let report = measure_in(&machine, &format!("touch {file}"), "agent other third");
    assert_facts(
        &report,
        &[
            ("scope", "lives"),
            ("service", "lives"),
            ("tmux-server", "lives"),
            ("delay", "exceeded"),
        ],
    );
    assert_eq!(report["verdict"], "regressed", "{report:#}");

    set_logind(&machine, &format!("{SHORT_DELAY} KillOnlyUsers=third"));
    let report = measure(&machine);
    let ends = [("scope-beside-leftover", "ends"), ("leftover-terminated", "ends")];
    assert_facts(&report, &ends);
    assert_eq!(report["verdict"], "regressed", "{report:#}");
}

#[rstest]
#[case("enable-linger", "regressed", &[
    ("scope-lingering", "ends"),
    ("service-lingering", "ends"),
    ("tmux-server-lingering", "ends"),
    ("linger-terminated", "ends"),
])]
#[case("terminate-user", "regressed", &[
    ("scope-terminated", "lives"),
    ("service-terminated", "lives"),
    ("tmux-server-terminated", "lives"),
    ("manager-terminated", "lives"),
    ("leftover-terminated", "lives"),
])]
fn a_loginctl_command_without_effect_is_noticed(
    #[case] command: &str,
    #[case] verdict: &str,
    #[case] expected: &[(&str, &str)],
) {
    let machine = lab_machine(Debian13);
    let without_effect = format!(
        "mkdir /tmp/bin; printf '%s\\n' '#!/bin/sh' '[ \"$1\" = {command} ] || exec /usr/bin/loginctl \"$@\"' \
         >/tmp/bin/loginctl; chmod 755 /tmp/bin/loginctl; export PATH=/tmp/bin:$PATH"
    );
    let report = measure_in(&machine, &without_effect, "agent other third");
    assert_facts(&report, expected);
    assert_eq!(report["verdict"], verdict, "{report:#}");
}

fn no_session_is_ended_unless_three_ordinary_users_are_logged_out(release: Release) {
    let machine = lab_machine(release);
    machine.script("root", "loginctl enable-linger other");
    let skipped = |users: &str, expected: &str| {
        let report = measure_in(&machine, "", users);
        assert_eq!(report["verdict"], "skipped");
        let reason = report["reason"].as_str().unwrap();
        assert!(reason.contains(expected), "{reason}");
    };
    let as_user = machine.script("agent", "exec lab-only logout-survival agent other third");
    assert!(as_user.contains("it needs root"), "{as_user}");
    set_logind(&machine, "");
    skipped("agent other third", "UserStopDelaySec is 10 s");
    set_logind(&machine, &format!("{SHORT_DELAY} KillUserProcesses=yes"));
    skipped("agent other third", "KillUserProcesses=yes");
    set_logind(&machine, SHORT_DELAY);
    skipped("third", "three users");
    skipped("third root nobody", "root is not an ordinary user");
    skipped("third other agent", "other is logged in or lingers");
    let state = machine.script("root", "systemctl is-active user@1001.service");
    assert_eq!(state, "active\n");
}

#[test]
fn doctor_explains_the_card_and_does_not_run_it() {
    let machine = Machine::boot(Debian13);
    let refused = machine.agent(&["doctor", "check", "linger", ID]);
    assert_eq!(refused.status.code(), Some(2));
    let message = String::from_utf8_lossy(&refused.stderr);
    assert!(message.contains("`logout-survival` is measured in the lab only"), "{message}");
    let report = machine.check(&["session"]);
    let ids: Vec<&Value> =
        report.json()["probes"].as_array().unwrap().iter().map(|probe| &probe["id"]).collect();
    assert_eq!(ids, ["linger", "logout-policy"]);
    let list = machine.script("agent", "doctor list session");
    let line = list.lines().find(|line| line.contains(ID)).unwrap();
    assert!(line.ends_with("(measured in the lab)"), "{line}");
    let text = machine.script("agent", "doctor explain logout-survival");
    assert!(text.contains("Measured in the lab only"), "{text}");
}

/// The words of the commands that end a session are in the lab's program. In `doctor` they are only
/// in the text of the card.
#[test]
fn doctor_has_no_code_that_ends_sessions() {
    let code_words = ["terminate-user", "PAMName=login", "disable-linger", "leftover=$!"];
    let has = |binary: &[u8], word: &str| {
        binary.windows(word.len()).any(|window| window == word.as_bytes())
    };
    let outside_card = |path: &Path| {
        let mut binary = fs::read(path).unwrap();
        let probe = PROBES.iter().find(|probe| probe.id() == ID).unwrap();
        let card = probe.card.as_bytes();
        let mut copies = 0;
        while let Some(start) = binary.windows(card.len()).position(|window| window == card) {
            binary[start..start + card.len()].fill(0);
            copies += 1;
        }
        assert!(copies > 0, "NOT RUN: {} does not have the card as one text", path.display());
        code_words.map(|word| has(&binary, word))
    };
    assert_eq!(outside_card(Path::new(LAB_ONLY)), [true; 4], "the words are not those of the code");
    assert_eq!(outside_card(&doctor()), [false; 4]);
}
