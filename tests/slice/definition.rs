//! Where a slice is defined, and in whose company its weight counts.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};
use crate::{NESTING, assert_told, check, follow};

const DEFINED: &str = "slice-defined";

/// Writes the file of a slice where the user's manager looks for it, without telling the manager.
fn write_slice(machine: &Machine, name: &str, content: &str) {
    let script = format!(
        "mkdir -p ~/.config/systemd/user; printf '[Slice]\\n{content}\\n' > ~/.config/systemd/user/'{name}'"
    );
    machine.script("agent", &script);
}

#[rstest]
fn a_slice_is_told_apart_from_one_that_came_into_being_by_a_typing_error(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    assert_eq!(machine.check(&[DEFINED]).verdict(DEFINED), "skipped");
    for no_name in ["a b", "a--b", r"a\xff"] {
        assert_eq!(check(&machine, DEFINED, no_name).verdict(DEFINED), "skipped", "{no_name}");
    }

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
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
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

#[rstest]
fn the_weight_of_a_nested_slice_counts_only_inside_its_parent(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let set = |slice: &str, weight: &str| {
        let set = format!("systemctl --user set-property '{slice}' {weight}");
        machine.script("agent", &set);
    };
    assert_eq!(machine.check(&[NESTING]).verdict(NESTING), "skipped");
    let report = check(&machine, NESTING, "city-agents");
    assert_told(&report, NESTING, &[("level", "nested"), ("competes", "none")], "ok");
    let report = check(&machine, NESTING, "agents");
    assert_told(&report, NESTING, &[("level", "top"), ("competes", "none")], "ok");
    assert_eq!(report.fact(NESTING, "company"), "");

    set("agents.slice", "CPUWeight=30");
    let report = check(&machine, NESTING, "agents");
    assert_told(&report, NESTING, &[("level", "top"), ("competes", "everything")], "ok");

    set("city-agents.slice", "CPUWeight=30");
    let report = check(&machine, NESTING, "city-agents");
    let inside = [("level", "nested"), ("competes", "parent-only"), ("company", "alone")];
    assert_told(&report, NESTING, &inside, "warn");
    assert_eq!(report.fix(NESTING), "systemctl --user set-property city.slice CPUWeight=30");
    let report = follow(&machine, &report, NESTING, "city-agents");
    assert_told(&report, NESTING, &[("competes", "everything-by-parent")], "ok");

    // Three levels, a letter that is escaped, and a neighbour.
    let odd = r"a\x2db-c-d.slice";
    set(odd, "IOWeight=20");
    let neighbour = "systemd-run --user --quiet --slice='a\\x2db-c-e.slice' -- sleep infinity; \
         systemd-run --user --quiet --slice='a\\x2db-c-d.slice' -- sleep infinity; \"$@\"";
    let report = machine.check_in(neighbour, &[NESTING, &format!("--slice={odd}")]);
    let inside = [("level", "nested"), ("competes", "parent-only"), ("company", "others")];
    assert_told(&report, NESTING, &inside, "warn");
    assert_eq!(report.fix(NESTING), r"systemctl --user set-property 'a\x2db.slice' IOWeight=20");
}
