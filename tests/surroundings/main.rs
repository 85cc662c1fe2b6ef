//! Surroundings that are missing, wrong or too small: always a report or one clear sentence, and a
//! status that tells which.

#[path = "../lab/mod.rs"]
mod lab;

use lab::Release::*;
use lab::{AS_AGENT, Machine, Release, complaints};
use rstest::rstest;
use serde_json::Value;

#[rstest]
fn hostile_surroundings_give_a_report_or_one_sentence(
    #[values(Debian11, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let run = machine.root(&["bash", "-c", include_str!("run.sh")]);
    let told = String::from_utf8_lossy(&run.stdout);
    let mut wrong = Vec::new();
    for line in told.lines() {
        let (name, status) = line.split_once(' ').unwrap();
        let read = |kind| machine.script("root", &format!("cat '/srv/told/{name}.{kind}'"));
        wrong.extend(
            complaint(status, &read("out"), &read("err")).map(|it| format!("{name}: {it}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The table was gone through to its end, and its good row is good.
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(told.contains("directory-gone") && told.lines().count() > 55, "{told}{errors}");
    assert!(told.starts_with("as-it-is 0\n"), "{told}");
}

/// What is wrong with the end of a run.
fn complaint(status: &str, out: &str, err: &str) -> Option<String> {
    if out.contains("panicked") || err.contains("panicked") {
        return Some(format!("it panicked: {err}"));
    }
    let is_sentence = err.starts_with("doctor: ") && err.lines().count() == 1;
    match status {
        "0" | "1" | "3" => match serde_json::from_str::<Value>(out) {
            Ok(report) => complaints(&report).first().cloned(),
            // The report went to where --output said.
            Err(error) => Some(format!("status {status}, and no report ({error}): {err}")),
        },
        // Where standard error is closed there is nobody to tell.
        "2" if is_sentence || err.is_empty() => None,
        _ => Some(format!("status {status}: {err}")),
    }
}

/// Probes that wait, or compare times.
const TIMED: [&str; 6] =
    ["launch-status", "scope-availability", "tmux-socket", "linger", "flock-order", "journal-ends"];
/// The clock goes a day on and a day back, whenever a probe has told what it found.
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
    let steady = machine.check(&[&["--timeout", "60"], &TIMED[..]].concat());
    let script = format!("{AS_AGENT}{JUMPS}");
    let told = machine.root(&[&["bash", "-c", &script, "jumps"], &TIMED[..]].concat());
    let told = String::from_utf8_lossy(&told.stdout);
    let mut probes = 0;
    for line in told.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(id) = line["id"].as_str() {
            probes += 1;
            assert_eq!(line["verdict"], steady.verdict(id), "{line:#}");
        }
    }
    assert_eq!(probes, TIMED.len(), "{told}");
}
