//! Surroundings that bend launches or the words of programs: none of them makes a false verdict.

use std::collections::BTreeMap;

use crate::lab::{Machine, Release, Report};

on_each_release!(what_changes_the_words_of_programs_changes_no_verdict: Debian11, Debian14);
on_each_release!(low_limits_change_no_verdict_on_a_version: Debian14);
on_each_release!(variables_of_the_manager_are_found_and_change_no_verdict_on_a_version: Debian11, Debian14);
on_each_release!(drop_ins_for_all_services_change_no_verdict_on_a_version: Debian11, Debian14);
on_each_release!(drop_ins_for_all_scopes_and_harmless_ones_change_no_verdict_on_a_version: Debian11, Debian14);

const ID: &str = "launch-surroundings";
/// What a manager gives to its units does not reach probes that have none.
const WITH_UNITS: [&str; 2] = ["--skip", "lock"];

/// A caller whose variables change what systemd's programs, git and the loader print, and who holds a lock.
const WORDS: [&str; 4] = [
    "export SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TIME=1 SYSTEMD_LOG_LOCATION=1 GIT_TRACE=1 GIT_TRACE2=1",
    "export SYSTEMD_LOG_TARGET=journal GIT_CURL_VERBOSE=1; exec 9>/tmp/held; flock 9",
    "export LD_PRELOAD=/no/such.so LD_DEBUG=libs",
    "mkdir -p /tmp/broken; : >/tmp/broken/libc.so.6; export LD_LIBRARY_PATH=/tmp/broken",
];

fn boot(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    machine
}

fn what_changes_the_words_of_programs_changes_no_verdict(release: Release) {
    let machine = boot(release);
    let healthy = machine.check(&[]);
    let expected = [
        ("words", "plain"),
        ("loader", "unset"),
        ("manager-path", "complete"),
        ("manager-tmux", "unset"),
        ("manager-loader", "unset"),
        ("service-drop-ins", "none"),
        ("scope-drop-ins", "none"),
    ];
    healthy.assert_facts(ID, &expected);
    let mut clean = verdicts(&healthy);
    clean.remove(ID);
    for (assignment, fact) in [
        ("GIT_TRACE=1", ("words", "changed")),
        ("LD_LIBRARY_PATH=/opt/lib", ("loader", "harmless")),
        ("LD_PRELOAD=/no/such.so", ("loader", "bends")),
    ] {
        let report = machine.check_in(&format!("export {assignment}; exec \"$@\""), &[ID]);
        report.assert_facts(ID, &[fact]);
    }
    for state in WORDS {
        let mut bent = verdicts(&machine.check_in(&format!("{state}\n\"$@\""), &[]));
        bent.remove(ID);
        assert_eq!(bent, clean, "{state}");
    }
}

/// Returns the verdict on each probe, and why it has none.
fn verdicts(report: &Report) -> BTreeMap<String, String> {
    let probes = report.json()["probes"].as_array().expect("a list of probes");
    let of = |probe: &serde_json::Value| {
        let text = |key: &str| probe[key].as_str().unwrap_or_default().to_owned();
        (text("id"), format!("{} {}", text("verdict"), text("reason")))
    };
    probes.iter().map(of).collect()
}

/// Low limits of the caller.
const LIMITS: [&str; 3] = ["prlimit --nofile=64", "prlimit --nofile=32", "prlimit --nproc=12"];

fn low_limits_change_no_verdict_on_a_version(release: Release) {
    let machine = boot(release);
    for limit in LIMITS {
        let report = machine.check_in(&format!("exec {limit} \"$@\""), &[]);
        assert_unchanged(&report, limit);
        let reasons = report.json()["probes"].as_array().expect("a list of probes").iter();
        let is_raw = |reason: &&str| reason.contains("(os error") && !reason.contains("ulimit -");
        let raw: Vec<&str> =
            reasons.filter_map(|it| it["reason"].as_str()).filter(is_raw).collect();
        assert!(raw.is_empty(), "{limit}: {raw:#?}");
    }
}

/// Variables of the manager: their names, and what they make of the facts.
const VARIABLES: [(&str, (&str, &str)); 5] = [
    ("PATH=/nowhere", ("manager-path", "lacks-programs")),
    ("TMUX=/tmp/tmux-1000/default,1,0 TMUX_PANE=%0", ("manager-tmux", "set")),
    ("LD_LIBRARY_PATH=/opt/lib", ("manager-loader", "harmless")),
    ("LD_DEBUG=libs", ("manager-loader", "bends")),
    ("GIT_DIR=/nowhere SYSTEMD_LOG_LEVEL=debug GIT_TRACE=1", ("manager-loader", "unset")),
];

fn variables_of_the_manager_are_found_and_change_no_verdict_on_a_version(release: Release) {
    let machine = boot(release);
    for (assignments, fact) in VARIABLES {
        let names = assignments.split(' ').filter_map(|it| it.split('=').next());
        let names = names.collect::<Vec<_>>().join(" ");
        let script = format!(
            "systemctl --user set-environment {assignments}\n\"$@\" || status=$?\n\
             systemctl --user unset-environment {names}; exit ${{status:-0}}"
        );
        let report = machine.check_in(&script, &WITH_UNITS);
        report.assert_facts(ID, &[fact]);
        assert_unchanged(&report, assignments);
    }
}

/// Drop-ins for all services: their lines, and whether probes are skipped behind them. With the last ones no service
/// works.
const SERVICE_DROP_INS: [(&str, bool); 6] = [
    ("[Service]\nRuntimeMaxSec=2h", false),
    ("[Service]\nRuntimeMaxSec=1\nKillMode=none", true),
    ("[Service]\nRestart=always", true),
    ("[Service]\nEnvironment=DOCTOR_VALUE=secret LC_ALL=de_DE", true),
    ("[Service]\nStandardOutput=null\nLimitNOFILE=16\nLimitNPROC=1", true),
    ("[Unit]\nRequires=nowhere.service", true),
];

fn drop_ins_for_all_services_change_no_verdict_on_a_version(release: Release) {
    let machine = boot(release);
    for (lines, is_skipped) in SERVICE_DROP_INS {
        let report = check_with_drop_in(&machine, "service", lines, &WITH_UNITS);
        report.assert_facts(ID, &[("service-drop-ins", "bend"), ("scope-drop-ins", "none")]);
        assert_eq!(report.verdict(ID), "warn", "{lines}");
        assert!(!report.probe(ID).to_string().contains("secret"), "{:#}", report.probe(ID));
        assert_unchanged(&report, lines);
        assert_skipped(&report, "collect-forgets", is_skipped, lines);
        assert_skipped(&report, "scope-exec", false, lines);
    }
}

fn drop_ins_for_all_scopes_and_harmless_ones_change_no_verdict_on_a_version(release: Release) {
    let machine = boot(release);
    for lines in ["[Scope]\nRuntimeMaxSec=1", "[Scope]\nKillMode=none\nTasksMax=20"] {
        let report = check_with_drop_in(&machine, "scope", lines, &WITH_UNITS);
        report.assert_facts(ID, &[("scope-drop-ins", "bend"), ("service-drop-ins", "none")]);
        assert_eq!(report.verdict(ID), "warn", "{lines}");
        assert_unchanged(&report, lines);
        assert_skipped(&report, "scope-exec", true, lines);
        assert_skipped(&report, "collect-forgets", false, lines);
    }
    for (kind, lines, fact) in [
        (
            "service",
            "[Service]\nTimeoutStopSec=20\nRestart=no\nRuntimeMaxSec=infinity",
            ("service-drop-ins", "harmless"),
        ),
        ("scope", "[Scope]\nMemoryHigh=1T", ("scope-drop-ins", "harmless")),
        ("scope", "[Unit]\nConditionPathExists=/nowhere", ("scope-drop-ins", "no-scope")),
    ] {
        let report = check_with_drop_in(&machine, kind, lines, &[ID]);
        report.assert_facts(ID, &[fact]);
        assert_eq!(report.verdict(ID), "ok", "{lines}");
    }
    // The gate selects behaviours alone, and skips them for the same reason.
    let drop_in = "mkdir -p ~/.config/systemd/user/service.d; \
                   printf '[Service]\\nRestart=always\\n' >~/.config/systemd/user/service.d/a.conf; \
                   systemctl --user daemon-reload";
    machine.script("agent", drop_in);
    let gate = machine.script("agent", "doctor gate 2>&1 || echo RED $?");
    assert!(gate.contains("Restart=always") && !gate.contains("regressed:"), "{gate}");
}

#[track_caller]
fn assert_skipped(report: &Report, id: &str, is_skipped: bool, state: &str) {
    let need = report.probe(id)["blocked_by"]["need"].as_str();
    assert_eq!(need, is_skipped.then_some(ID), "{state}: {:#}", report.probe(id));
    let verdict = if is_skipped { "skipped" } else { "known" };
    assert_eq!(report.verdict(id), verdict, "{state}");
}

/// Examines a state, and ends it with a new manager: a drop-in for all services also changes the user's bus.
fn check_with_drop_in(machine: &Machine, kind: &str, lines: &str, probes: &[&str]) -> Report {
    let script = format!(
        "dir=~/.config/systemd/user/{kind}.d; mkdir -p $dir; printf '%s\\n' '{lines}' >$dir/50-all.conf\n\
         systemctl --user daemon-reload\n\"$@\" || status=$?\n\
         rm -r $dir; systemctl --user daemon-reload; exit ${{status:-0}}"
    );
    let report = machine.check_in(&script, probes);
    machine.script(
        "root",
        "systemctl reset-failed user@1000.service; systemctl restart user@1000.service",
    );
    machine.script("agent", "systemctl --user start dbus.service");
    report
}

#[track_caller]
fn assert_unchanged(report: &Report, state: &str) {
    let verdicts = verdicts(report);
    let changed: Vec<_> = verdicts
        .iter()
        .filter(|(_, verdict)| verdict.starts_with("regressed") || verdict.starts_with("relaxable"))
        .collect();
    assert!(changed.is_empty(), "{state}: {changed:#?}");
}
