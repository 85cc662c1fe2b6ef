//! Programs that hang, lie or break: what needs one of them says so, and nothing else is affected.

use std::collections::BTreeMap;

use crate::lab::Machine;
use crate::lab::Release::*;
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
/// The faults with which the whole catalogue is run. With the others only the groups that use the program are.
const WITH_ALL_PROBES: [&str; 2] = ["hangs", "garbage"];
/// How long a probe may take, in seconds: with faults that take time or few probes, and with the whole catalogue.
const SHORT: f64 = 5.0;
const LONG: f64 = 10.0;

/// One run: its probes by id, and how it ended.
struct Run {
    probes: BTreeMap<String, Value>,
    ended: Value,
}

impl Run {
    fn take(machine: &Machine, program: &str, fault: &str, timeout: f64, groups: &[&str]) -> Self {
        let put = ["bash", "-c", include_str!("stand-in.sh"), "stand-in", program, fault];
        assert!(machine.root(&put).status.success());
        // What hangs keeps no processor busy.
        let jobs = if timeout < LONG { "8" } else { "4" };
        let timeout = timeout.to_string();
        let run = ["bash", "-c", include_str!("run.sh"), "run", &timeout, jobs];
        let output = machine.agent(&[&run, groups].concat());
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

/// Returns in sentences what a run with a fault reports otherwise than it should, given a healthy run.
fn complaints(good: &Run, bad: &Run, fault: &str, groups: &[&str], timeout: f64) -> Vec<String> {
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
    let all = WITH_ALL_PROBES.contains(&fault);
    for (id, before) in &good.probes {
        let is_own = groups.contains(&before["group"].as_str().unwrap());
        if !all && !is_own {
            continue;
        }
        let Some(probe) = bad.probes.get(id) else {
            complaints.push(format!("{id} is not in the report"));
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
        if !is_own && !is_as_ever {
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
    let good = Run::take(&machine, program, "none", LONG, &[]);
    assert_eq!(good.ended["status"], 0, "{:?}", good.ended);
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let all = WITH_ALL_PROBES.contains(&fault);
        let timeout = if all && fault != "hangs" { LONG } else { SHORT };
        let selected = if all { &[] } else { groups };
        let bad = Run::take(&machine, program, fault, timeout, selected);
        let complaints = complaints(&good, &bad, fault, groups, timeout);
        wrong.extend(complaints.into_iter().map(|complaint| format!("{fault}: {complaint}")));
        machine.script("root", "pkill -KILL -x sleep || true");
    }
    assert!(wrong.is_empty(), "with another {program}:\n{}", wrong.join("\n"));
    // The next run of a healthy host finds nothing that the others left.
    let again = Run::take(&machine, program, "none", LONG, groups);
    assert_eq!(again.ended["status"], 0, "{:?}", again.ended);
    let units = "systemctl --user list-units --all --plain --no-legend 'launch_doctor_*'";
    assert_eq!(machine.script("agent", units), "");
}
