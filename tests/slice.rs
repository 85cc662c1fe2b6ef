//! Slices of the user's manager: whether they are there, and whether what they say is in force.

mod lab;

use lab::{Machine, Release, Report};
use rstest::rstest;

const DEFINED: &str = "slice-defined";

/// Writes the file of a slice where the user's manager looks for it, without telling the manager.
fn write_slice(machine: &Machine, name: &str, content: &str) {
    let script = format!(
        "mkdir -p ~/.config/systemd/user; printf '[Slice]\\n{content}\\n' > ~/.config/systemd/user/'{name}'"
    );
    machine.script("agent", &script);
}

#[track_caller]
fn check(machine: &Machine, id: &str, slice: &str) -> Report {
    machine.check(&[id, &format!("--slice={slice}")])
}

#[track_caller]
fn assert_told(report: &Report, id: &str, facts: &[(&str, &str)], verdict: &str) {
    report.assert_facts(id, facts);
    assert_eq!(report.verdict(id), verdict, "{:#}", report.probe(id));
}

/// Does what a report advises, as `agent`, and gives what the doctor says then.
#[track_caller]
fn follow(machine: &Machine, report: &Report, id: &str, slice: &str) -> Report {
    let fix = report.fix(id);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(id));
    machine.check_in(
        &format!("GC_AGENT_SLICE='{slice}'\n{{ {fix}\n}} >&2\nexport GC_AGENT_SLICE; \"$@\""),
        &[id],
    )
}

#[rstest]
fn a_slice_is_told_apart_from_one_that_came_into_being_by_a_typing_error(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    assert_eq!(machine.check(&[DEFINED]).verdict(DEFINED), "skipped");
    assert_eq!(check(&machine, DEFINED, "a b").verdict(DEFINED), "skipped");

    let report = check(&machine, DEFINED, "agents");
    assert_told(&report, DEFINED, &[("definition", "nowhere"), ("namesake", "none")], "warn");
    let report = follow(&machine, &report, DEFINED, "agents");
    assert_told(&report, DEFINED, &[("definition", "drop-in"), ("limits", "own")], "ok");

    // A typing error: the slice is in use, and nothing but its origin gives it away.
    let typo = ["systemd-run", "--user", "--scope", "--quiet", "--slice=agenst.slice", "true"];
    assert!(machine.agent(&typo).status.success());
    write_slice(&machine, "agents.slice", "CPUWeight=40");
    machine.script("agent", "systemctl --user daemon-reload");
    let report = check(&machine, DEFINED, "agenst.slice");
    assert_told(&report, DEFINED, &[("definition", "nowhere"), ("namesake", "near")], "warn");
    assert_eq!(report.fix(DEFINED), "export GC_AGENT_SLICE=agents.slice");
    let report = follow(&machine, &report, DEFINED, "agenst.slice");
    assert_told(&report, DEFINED, &[("definition", "file"), ("files", "read")], "ok");

    machine.script("root", "printf '[Slice]\\nCPUWeight=40\\n' >/etc/systemd/system/sys.slice");
    let report = check(&machine, DEFINED, "sys.slice");
    assert_told(&report, DEFINED, &[("definition", "system-manager")], "warn");
    let report = follow(&machine, &report, DEFINED, "sys.slice");
    assert_told(&report, DEFINED, &[("definition", "drop-in"), ("limits", "own")], "ok");
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}

#[rstest]
fn a_file_counts_when_the_manager_has_read_it_and_it_sets_something(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    // A file that comes after the slice, and then a change to it.
    let launch = ["systemd-run", "--user", "--scope", "--quiet", "--slice=late.slice", "true"];
    assert!(machine.agent(&launch).status.success());
    machine.script("root", "loginctl enable-linger agent");
    assert!(machine.agent(&launch).status.success());
    write_slice(&machine, "late.slice", "CPUWeight=40");
    let report = check(&machine, DEFINED, "late");
    assert_told(&report, DEFINED, &[("definition", "unread"), ("files", "read")], "warn");
    let report = follow(&machine, &report, DEFINED, "late");
    let good = [("definition", "file"), ("limits", "own"), ("files", "read")];
    assert_told(&report, DEFINED, &good, "ok");
    write_slice(&machine, "late.slice", "MemoryHigh=1G\\nCPUWeight=40");
    let report = check(&machine, DEFINED, "late");
    assert_told(&report, DEFINED, &[("definition", "file"), ("files", "changed")], "warn");
    assert_told(&follow(&machine, &report, DEFINED, "late"), DEFINED, &good, "ok");

    // What is defined may set nothing, and what lies above it may.
    let odd = r"odd\x20name:1-b_.c.slice";
    write_slice(&machine, odd, "# nothing");
    let report = check(&machine, DEFINED, odd);
    assert_told(&report, DEFINED, &[("definition", "file"), ("limits", "nothing")], "warn");
    let report = follow(&machine, &report, DEFINED, odd);
    assert_told(&report, DEFINED, &[("definition", "file"), ("limits", "own")], "ok");
    write_slice(&machine, "up.slice", "TasksMax=500");
    let report = check(&machine, DEFINED, "up-leaf.slice");
    assert_told(&report, DEFINED, &[("definition", "by-parent")], "ok");
    write_slice(&machine, "up-file.slice", "# nothing");
    let report = check(&machine, DEFINED, "up-file.slice");
    assert_told(&report, DEFINED, &[("definition", "file"), ("limits", "by-parent")], "ok");
}
