//! Programs that hang, lie or break: what needs one of them says so, and nothing else is affected.

#[path = "../lab/mod.rs"]
mod lab;

use std::collections::BTreeMap;

use lab::Machine;
use lab::Release::*;
use rstest::rstest;
use serde_json::Value;

const FAULTS: [&str; 10] = [
    "hangs",
    "ignores-sigterm",
    "detaches",
    "floods",
    "garbage",
    "silent",
    "fails",
    "dies",
    "not-executable",
    "a-directory",
];
/// How long a probe may take, in seconds: with faults that take time, and with those that do not.
const SHORT: f64 = 5.0;
const LONG: f64 = 10.0;

/// One run: its probes by id, and how it ended.
struct Run {
    probes: BTreeMap<String, Value>,
    ended: Value,
}

impl Run {
    fn take(machine: &Machine, program: &str, fault: &str, timeout: f64) -> Self {
        let put = ["bash", "-c", include_str!("stand-in.sh"), "stand-in", program, fault];
        assert!(machine.root(&put).status.success());
        // What hangs keeps no processor busy.
        let jobs = if timeout < LONG { "8" } else { "4" };
        let timeout = timeout.to_string();
        let output = machine.agent(&["bash", "-c", include_str!("run.sh"), "run", &timeout, jobs]);
        let mut run = Self { probes: BTreeMap::new(), ended: Value::Null };
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let value: Value = serde_json::from_str(line).expect("lines of JSON");
            match value["type"].as_str() {
                Some("probe") => {
                    run.probes.insert(value["id"].as_str().unwrap().to_owned(), value);
                }
                Some("ended") => run.ended = value,
                _ => {}
            }
        }
        run
    }
}

/// What a healthy run tells and one with a fault does not, in sentences.
fn complaints(good: &Run, bad: &Run, groups: &[&str], timeout: f64) -> Vec<String> {
    let mut complaints = Vec::new();
    let status = bad.ended["status"].as_i64();
    if !matches!(status, Some(0 | 1 | 3)) {
        complaints.push(format!("it ended with {status:?}"));
    }
    for (what, left) in [("bytes on standard error", "stderr"), ("processes left", "left")] {
        if bad.ended[left] != 0 {
            complaints.push(format!("{} {what}", bad.ended[left]));
        }
    }
    for (id, before) in &good.probes {
        let Some(probe) = bad.probes.get(id) else {
            complaints.push(format!("nothing is said of {id}"));
            continue;
        };
        let (verdict, reason) = (probe["verdict"].as_str().unwrap(), probe["reason"].as_str());
        if probe["seconds"].as_f64().unwrap() > timeout + 1.0 {
            complaints.push(format!("{id} took {} s", probe["seconds"]));
        }
        let is_as_ever = verdict == before["verdict"];
        let is_open = matches!(verdict, "unmeasured" | "skipped") && reason.is_some_and(says);
        // That no scope can be had is what this one is there to find.
        let is_its_finding = id == "scope-availability" && verdict == "fail";
        if !groups.contains(&before["group"].as_str().unwrap()) && !is_as_ever {
            complaints.push(format!("{id} has nothing to do with it and is {verdict}: {reason:?}"));
        } else if !is_as_ever && !is_open && !is_its_finding {
            complaints.push(format!("{id} is {verdict}: {}", probe["summary"]));
        }
    }
    complaints
}

/// Whether a reason says something, to its end.
fn says(reason: &str) -> bool {
    !reason.trim().is_empty() && !reason.trim_end().ends_with(':')
}

#[rstest]
#[case("systemd-run", &["launcher", "scope", "tmux", "fanout"])]
#[case("systemctl", &["launcher", "scope", "tmux", "fanout", "session"])]
#[case("loginctl", &["session", "tmux"])]
#[case("tmux", &["tmux", "lock"])]
#[case("git", &["lock"])]
#[case("flock", &["lock"])]
fn a_program_with_a_fault_takes_only_its_own_probes_along(
    #[case] program: &str,
    #[case] groups: &[&str],
) {
    let machine = Machine::boot(Debian14);
    machine.script("root", "loginctl enable-linger agent");
    let good = Run::take(&machine, program, "none", LONG);
    assert_eq!(good.ended["status"], 0, "{:?}", good.ended);
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let timeout = match fault {
            "hangs" | "ignores-sigterm" => SHORT,
            _ => LONG,
        };
        let bad = Run::take(&machine, program, fault, timeout);
        let complaints = complaints(&good, &bad, groups, timeout);
        wrong.extend(complaints.into_iter().map(|complaint| format!("{fault}: {complaint}")));
        machine.script("root", "pkill -KILL -x sleep || true");
    }
    assert!(wrong.is_empty(), "with another {program}:\n{}", wrong.join("\n"));
    // The next run of a healthy host finds nothing that the others left.
    let again = Run::take(&machine, program, "none", LONG);
    assert_eq!(again.ended["status"], 0, "{:?}", again.ended);
    let units = "systemctl --user list-units --all --plain --no-legend 'launch_doctor_*'";
    assert_eq!(machine.script("agent", units), "");
}
