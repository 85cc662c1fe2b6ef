//! Environments that are missing, wrong or too small: always a report or one clear sentence, and the
//! exit status that belongs to it.

use crate::lab::Release::*;
use crate::lab::{AS_AGENT, Machine, Release, violations};
use serde_json::Value;

on_each_release!(hostile_surroundings_give_a_report_or_one_sentence: Debian11, Debian14);

fn hostile_surroundings_give_a_report_or_one_sentence(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let run = machine.root(&["bash", "-c", include_str!("run.sh")]);
    let text = String::from_utf8_lossy(&run.stdout);
    let mut wrong = Vec::new();
    for line in text.lines() {
        let (name, status) = line.split_once(' ').unwrap();
        let read = |kind| machine.script("root", &format!("cat '/srv/output/{name}.{kind}'"));
        wrong.extend(
            complaint(status, &read("out"), &read("err")).map(|it| format!("{name}: {it}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Every row of the table ran, and the healthy row is healthy.
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(text.contains("directory-gone") && text.lines().count() > 55, "{text}{errors}");
    assert!(text.starts_with("as-it-is 0\n"), "{text}");
}

/// What is wrong with the end of a run.
fn complaint(status: &str, out: &str, err: &str) -> Option<String> {
    if out.contains("panicked") || err.contains("panicked") {
        return Some(format!("it panicked: {err}"));
    }
    let is_sentence = err.starts_with("doctor: ") && err.lines().count() == 1;
    match status {
        "0" | "1" | "3" => match serde_json::from_str::<Value>(out) {
            Ok(report) => violations(&report).first().cloned(),
            // The report went to where --output said.
            Err(error) => Some(format!("status {status}, and no report ({error}): {err}")),
        },
        // With standard error closed there is no message.
        "2" if is_sentence || err.is_empty() => None,
        _ => Some(format!("status {status}: {err}")),
    }
}

/// Probes that wait, or compare times.
const TIMED: [&str; 6] =
    ["launch-status", "scope-availability", "tmux-socket", "linger", "flock-order", "journal-ends"];
/// Moves the clock a day forward or back after each line of the report.
const JUMPS: &str = r#"
    now=$(date +%s) day=86400
    as_agent doctor check --format ndjson --timeout 60 "$@" |
        while read -r line; do
            printf '%s\n' "$line"
            date --set="@$((now + day))" >/dev/null
            day=$((-day))
        done
    date --set="@$now" >/dev/null
"#;

/// A container shares its host's clock.
#[test]
fn a_clock_that_jumps_on_a_virtual_machine_changes_no_verdict() {
    let machine = Machine::boot_vm(Debian12);
    machine.script("root", "loginctl enable-linger agent");
    let steady = machine.check(&TIMED);
    let script = format!("{AS_AGENT}{JUMPS}");
    let output = machine.root(&[&["bash", "-c", &script, "jumps"], &TIMED[..]].concat());
    let text = String::from_utf8_lossy(&output.stdout);
    let mut probes = 0;
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(id) = line["id"].as_str() {
            probes += 1;
            assert_eq!(line["verdict"], steady.verdict(id), "{line:#}");
        }
    }
    assert_eq!(probes, TIMED.len(), "{text}");
}
