//! A host with very many failed units, tmux servers and processes: every check is right or bounded.

use std::env;

use super::assert_measured;
use crate::lab::{Machine, Release, project};

on_each_release!(many_failed_units_servers_and_processes_are_all_measured: Debian11, Debian14);

const FAILED: &str = "failed-units";
/// What looks at every unit, server or process.
const CHECKS: &[&str] = &[
    FAILED,
    "scope-availability",
    "task-headroom",
    "controllers-delegated",
    "tmux-socket",
    "tmux-server-home",
    "tmux-bus-env",
    "journal-ends",
];

/// `DOCTOR_SCALE=20000` makes the full scene, which takes a quarter of an hour.
fn many_failed_units_servers_and_processes_are_all_measured(release: Release) {
    let failed: usize = env::var("DOCTOR_SCALE").map_or(600, |it| it.parse().expect("a number"));
    let (servers, processes) = (60.min(failed / 30), 5000.min(failed));
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.put(&project("tests/lab/slice/launch_failing.pl"), "/usr/local/bin/launch_failing.pl");
    let scene = format!(
        "perl /usr/local/bin/launch_failing.pl $XDG_RUNTIME_DIR/systemd/private fan- {failed}
         systemd-run --user --quiet --unit=forest -- perl -e \
             'for (1..{processes}) {{ fork or do {{ sleep 1e6; exit }} }} sleep 1e6'
         for i in $(seq {servers}); do tmux -L s$i -f /dev/null new-session -d cat; done
         rm /tmp/tmux-1000/s7
         until [ $(pgrep -c perl) -gt {processes} ]; do :; done"
    );
    machine.script("agent", &scene);
    let report = machine.check_in("exec \"$@\"", CHECKS);
    assert_measured(&report, FAILED, &[("launched", "many"), ("from-files", "none")], "warn");
    let summary = report.probe(FAILED)["summary"].as_str().expect("a summary");
    assert!(summary.contains(&format!("fan-* ({failed})")), "{summary}");
    report.assert_facts("tmux-socket", &[("servers", "socket-gone")]);
    let summary = report.probe("tmux-socket")["summary"].as_str().expect("a summary");
    assert!(summary.contains(&format!("{servers}")), "{summary}");
    for id in CHECKS {
        assert_ne!(report.verdict(id), "unmeasured", "{:#}", report.probe(id));
    }
}
