//! Services that take a call and never answer it: what needs them says so in time, and nothing is left.

use crate::lab::Release::*;
use crate::lab::{AS_AGENT, Machine, Release};
use rstest::rstest;
use serde_json::Value;

/// How long a probe may take, in seconds.
const TIMEOUT: f64 = 2.0;
/// Ends as the doctor has ended, in a state that `$1` makes and `$2` ends. No session is opened
/// meanwhile, which would wait as well.
const RUN: &str = r#"
    systemctl start user@1000.service
    left() {
        ps -u agent -o args= | grep -E 'doctor|tmux|infinity' | grep -v grep
        as_agent systemctl --user list-units --all --plain --no-legend 'launch_doctor_*'
        find /tmp /var/tmp /dev/shm /run/user/1000 -name 'launch_doctor_*'
    }
    cd /home/agent
    eval "$1"
    as_agent $surroundings doctor check --format ndjson --timeout "$3" $options
    status=$?
    eval "$2"
    # The first run after it sweeps what could not be removed.
    as_agent doctor check git-env-leak >/dev/null
    for _ in $(seq 200); do [ -n "$(left)" ] || break; done
    left >&2
    echo "{\"type\": \"ended\", \"status\": $status}"
"#;
/// The sockets of a runtime directory, with a listener that never accepts.
const LISTENERS: &str = r#"
    as_agent mkdir -m 700 -p /tmp/xdg/systemd
    as_agent systemd-socket-activate -l /tmp/xdg/bus -l /tmp/xdg/systemd/private sleep 86399 2>/dev/null &
    listeners=$!
    until [ -S /tmp/xdg/systemd/private ]; do :; done
    surroundings="env XDG_RUNTIME_DIR=/tmp/xdg DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/xdg/bus""#;

#[rstest]
#[case::user_bus(LISTENERS, "kill $listeners")]
#[case::user_manager(
    "systemctl kill --kill-who=main --signal=STOP user@1000.service",
    "systemctl kill --kill-who=main --signal=CONT user@1000.service"
)]
#[case::frozen_user_manager(
    "systemctl freeze user@1000.service",
    "systemctl thaw user@1000.service"
)]
#[case::logind(
    "systemctl kill --signal=STOP systemd-logind.service",
    "systemctl kill --signal=CONT systemd-logind.service"
)]
#[case::system_bus(
    "systemctl kill --signal=STOP dbus.service",
    "systemctl kill --signal=CONT dbus.service"
)]
#[case::frozen_slice(
    "as_agent systemctl --user start agents.slice
     slice=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/agents.slice
     echo 1 >$slice/cgroup.freeze
     options=--slice=agents.slice",
    "echo 0 >$slice/cgroup.freeze; as_agent systemctl --user stop agents.slice"
)]
fn what_does_not_answer_is_waited_for_no_longer_than_a_probe_may_take(
    #[case] make: &str,
    #[case] end: &str,
    #[values(Debian11, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let script = format!("{AS_AGENT}{RUN}");
    let output = machine.root(&["bash", "-c", &script, "run", make, end, &TIMEOUT.to_string()]);
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors, "", "something was said, or is left");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let mut probes = 0;
    for line in &lines {
        match line["type"].as_str() {
            Some("ended") => assert!(matches!(line["status"].as_i64(), Some(0 | 1 | 3)), "{line}"),
            Some("probe") => {
                probes += 1;
                assert!(line["seconds"].as_f64().unwrap() < TIMEOUT + 1.0, "{line}");
                let verdict = line["verdict"].as_str().unwrap();
                if matches!(verdict, "skipped" | "unmeasured") {
                    assert!(line["reason"].as_str().is_some_and(|it| !it.is_empty()), "{line}");
                }
                assert!(!matches!(verdict, "regressed" | "relaxable"), "{line}");
            }
            _ => {}
        }
    }
    let to_run = launch_probes::PROBES.iter().filter(|probe| probe.measure.is_some());
    assert_eq!(probes, to_run.count(), "every probe has its line: {text}");
}

/// How long a run may take with a service that does not answer, in seconds.
const RUN_LIMIT: f64 = 12.0;
/// Runs the doctor once in a state that `$1` makes and `$2` ends, and prints its report and how it ended.
const RUN_ONCE: &str = r#"
    systemctl start user@1000.service
    cd /home/agent
    eval "$1"
    before=${EPOCHREALTIME/[.,]/}
    as_agent env PATH="${fake_path-}$PATH" doctor check --format ndjson
    status=$?
    after=${EPOCHREALTIME/[.,]/}
    eval "$2"
    echo "{\"type\": \"ended\", \"status\": $status, \"seconds\": $(((after - before) / 1000)).0e-3}"
    as_agent doctor check git-env-leak >/dev/null
    as_agent systemctl --user list-units --all --plain --no-legend 'launch_doctor_*' >&2
    find /tmp /run/user/1000 -name 'launch_doctor_*' >&2
"#;
/// A systemd-run that takes a launch and never ends.
const HANGING_SYSTEMD_RUN: &str = r"
    mkdir /fake
    printf '#!/bin/sh\nexec sleep 86399\n' >/fake/systemd-run
    chmod 755 /fake/systemd-run
    fake_path=/fake:";

#[rstest]
#[case::systemd_run(HANGING_SYSTEMD_RUN, "true", "systemd-run", "; the user manager answers", 20)]
#[case::user_bus(
    "as_agent systemctl --user start dbus.service
     as_agent systemctl --user kill --signal=STOP dbus.service",
    "as_agent systemctl --user kill --signal=CONT dbus.service",
    "the user bus",
    "",
    10
)]
#[case::frozen_user_manager(
    "systemctl freeze user@1000.service",
    "systemctl thaw user@1000.service",
    "the user manager",
    "",
    20
)]
#[case::logind(
    "systemctl kill --signal=STOP systemd-logind.service",
    "systemctl kill --signal=CONT systemd-logind.service",
    "logind",
    "",
    2
)]
#[case::system_bus(
    "systemctl kill --signal=STOP dbus.service",
    "systemctl kill --signal=CONT dbus.service",
    "the system bus",
    "",
    20
)]
fn a_run_ends_in_time_and_names_what_does_not_answer(
    #[case] make: &str,
    #[case] end: &str,
    #[case] culprit: &str,
    #[case] suffix: &str,
    #[case] least: usize,
    #[values(Debian11, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let script = format!("{AS_AGENT}{RUN_ONCE}");
    let output = machine.root(&["bash", "-c", &script, "run", make, end]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "an error, or something is left");
    let output = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).expect("lines of JSON")).collect();
    let ended = lines.iter().find(|line| line["type"] == "ended").expect("the run ends");
    assert!(ended["seconds"].as_f64() < Some(RUN_LIMIT), "{ended}");
    assert!(matches!(ended["status"].as_i64(), Some(1 | 3)), "{ended}");
    let mut blocked = 0;
    for probe in lines.iter().filter(|line| line["type"] == "probe") {
        let verdict = probe["verdict"].as_str().expect("a verdict");
        assert!(!matches!(verdict, "regressed" | "relaxable"), "{probe}");
        if verdict == "unmeasured" {
            let reason = probe["reason"].as_str().expect("a reason");
            assert!(reason.starts_with(&format!("{culprit} does not answer: ")), "{probe}");
            assert!(reason.ends_with(suffix), "{probe}");
            blocked += 1;
        }
    }
    assert!(blocked >= least, "{blocked} probes need {culprit}: {output}");
}
