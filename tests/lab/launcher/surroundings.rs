//! Surroundings that bend launches or the words of programs: none of them makes a false verdict.

use std::collections::BTreeMap;

use crate::lab::{Machine, Release, Report};

on_each_release!(what_changes_the_words_of_programs_changes_no_verdict: Debian11, Debian14);

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
    let clean = verdicts(&machine.check(&[]));
    for state in WORDS {
        let bent = verdicts(&machine.check_in(&format!("{state}\n\"$@\""), &[]));
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
