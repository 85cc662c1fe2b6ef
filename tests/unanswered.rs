//! Services that take a call and never answer it: what needs them says so in time, and nothing is left.

mod lab;

use lab::Release::*;
use lab::{AS_AGENT, Machine, Release};
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
    as_agent doctor check >/dev/null
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
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors, "", "something was said, or is left");
    let lines: Vec<Value> = told
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
    assert!(probes > 40, "{told}");
}
