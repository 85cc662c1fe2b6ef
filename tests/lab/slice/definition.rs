//! Where a slice is defined, and with which other units its weight competes.

use super::{NESTING, apply_fix, assert_measured, check};
use crate::lab::{Machine, Release};

on_each_release!(a_defined_slice_is_distinguished_from_one_that_a_typing_error_created);
on_each_release!(a_file_counts_when_the_manager_has_read_it_and_it_sets_something);
on_each_release!(the_weight_of_a_nested_slice_counts_only_inside_its_parent);

const DEFINED: &str = "slice-defined";

/// Writes a slice's unit file for the user manager, without a daemon-reload.
fn write_slice(machine: &Machine, name: &str, content: &str) {
    let script = format!(
        "mkdir -p ~/.config/systemd/user; printf '[Slice]\\n{content}\\n' > ~/.config/systemd/user/'{name}'"
    );
    machine.script("agent", &script);
}

fn a_defined_slice_is_distinguished_from_one_that_a_typing_error_created(release: Release) {
    let machine = Machine::boot(release);
    assert_eq!(machine.check(&[DEFINED]).verdict(DEFINED), "skipped");
    for no_name in ["a b", "a--b", r"a\xff"] {
        assert_eq!(check(&machine, DEFINED, no_name).verdict(DEFINED), "skipped", "{no_name}");
    }

    let report = check(&machine, DEFINED, "agents");
    assert_measured(&report, DEFINED, &[("definition", "nowhere"), ("namesake", "none")], "warn");
    let report = apply_fix(&machine, &report, DEFINED, "agents");
    assert_measured(&report, DEFINED, &[("definition", "drop-in"), ("limits", "own")], "ok");

    // A typing error: the slice is active, and only the missing definition shows it.
    let typo = ["systemd-run", "--user", "--scope", "--quiet", "--slice=agenst.slice", "true"];
    assert!(machine.agent(&typo).status.success());
    write_slice(&machine, "agents.slice", "CPUWeight=40");
    machine.script("agent", "systemctl --user daemon-reload");
    let report = check(&machine, DEFINED, "agenst.slice");
    assert_measured(&report, DEFINED, &[("definition", "nowhere"), ("namesake", "near")], "warn");
    assert_eq!(report.fix(DEFINED), "export GC_AGENT_SLICE=agents.slice");
    let report = apply_fix(&machine, &report, DEFINED, "agenst.slice");
    assert_measured(&report, DEFINED, &[("definition", "file"), ("files", "read")], "ok");

    machine.script("root", "printf '[Slice]\\nCPUWeight=40\\n' >/etc/systemd/system/sys.slice");
    let report = check(&machine, DEFINED, "sys.slice");
    assert_measured(&report, DEFINED, &[("definition", "system-manager")], "warn");
    let report = apply_fix(&machine, &report, DEFINED, "sys.slice");
    assert_measured(&report, DEFINED, &[("definition", "drop-in"), ("limits", "own")], "ok");
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}

fn a_file_counts_when_the_manager_has_read_it_and_it_sets_something(release: Release) {
    let machine = Machine::boot(release);
    // A file that is newer than the slice, and then a change to it.
    let launch = ["systemd-run", "--user", "--scope", "--quiet", "--slice=late.slice", "true"];
    assert!(machine.agent(&launch).status.success());
    machine.script("root", "loginctl enable-linger agent");
    assert!(machine.agent(&launch).status.success());
    write_slice(&machine, "late.slice", "CPUWeight=40");
    let report = check(&machine, DEFINED, "late");
    assert_measured(&report, DEFINED, &[("definition", "unread"), ("files", "read")], "warn");
    let report = apply_fix(&machine, &report, DEFINED, "late");
    let good = [("definition", "file"), ("limits", "own"), ("files", "read")];
    assert_measured(&report, DEFINED, &good, "ok");
    write_slice(&machine, "late.slice", "MemoryHigh=1G\\nCPUWeight=40");
    let report = check(&machine, DEFINED, "late");
    assert_measured(&report, DEFINED, &[("definition", "file"), ("files", "changed")], "warn");
    assert_measured(&apply_fix(&machine, &report, DEFINED, "late"), DEFINED, &good, "ok");

    // A defined slice that sets nothing, and a slice around it that sets a limit.
    let odd = r"odd\x20name:1-b_.c.slice";
    write_slice(&machine, odd, "# nothing");
    let report = check(&machine, DEFINED, odd);
    assert_measured(&report, DEFINED, &[("definition", "file"), ("limits", "nothing")], "warn");
    let report = apply_fix(&machine, &report, DEFINED, odd);
    assert_measured(&report, DEFINED, &[("definition", "file"), ("limits", "own")], "ok");
    write_slice(&machine, "up.slice", "TasksMax=500");
    let report = check(&machine, DEFINED, "up-leaf.slice");
    assert_measured(&report, DEFINED, &[("definition", "by-parent")], "ok");
    write_slice(&machine, "up-file.slice", "# nothing");
    let report = check(&machine, DEFINED, "up-file.slice");
    assert_measured(&report, DEFINED, &[("definition", "file"), ("limits", "by-parent")], "ok");
}

fn the_weight_of_a_nested_slice_counts_only_inside_its_parent(release: Release) {
    let machine = Machine::boot(release);
    let set = |slice: &str, weight: &str| {
        let set = format!("systemctl --user set-property '{slice}' {weight}");
        machine.script("agent", &set);
    };
    assert_eq!(machine.check(&[NESTING]).verdict(NESTING), "skipped");
    let report = check(&machine, NESTING, "city-agents");
    assert_measured(&report, NESTING, &[("level", "nested"), ("competes", "none")], "ok");
    let report = check(&machine, NESTING, "agents");
    assert_measured(&report, NESTING, &[("level", "top"), ("competes", "none")], "ok");
    assert_eq!(report.fact(NESTING, "company"), "");

    set("agents.slice", "CPUWeight=30");
    let report = check(&machine, NESTING, "agents");
    assert_measured(&report, NESTING, &[("level", "top"), ("competes", "everything")], "ok");

    set("city-agents.slice", "CPUWeight=30");
    let report = check(&machine, NESTING, "city-agents");
    let inside = [("level", "nested"), ("competes", "parent-only"), ("company", "alone")];
    assert_measured(&report, NESTING, &inside, "warn");
    assert_eq!(report.fix(NESTING), "systemctl --user set-property city.slice CPUWeight=30");
    let report = apply_fix(&machine, &report, NESTING, "city-agents");
    assert_measured(&report, NESTING, &[("competes", "everything-by-parent")], "ok");

    // Three levels, an escaped character, and another unit in the same parent.
    let odd = r"a\x2db-c-d.slice";
    set(odd, "IOWeight=20");
    let sibling = "systemd-run --user --quiet --slice='a\\x2db-c-e.slice' -- sleep infinity; \
         systemd-run --user --quiet --slice='a\\x2db-c-d.slice' -- sleep infinity; \"$@\"";
    let report = machine.check_in(sibling, &[NESTING, &format!("--slice={odd}")]);
    let inside = [("level", "nested"), ("competes", "parent-only"), ("company", "others")];
    assert_measured(&report, NESTING, &inside, "warn");
    assert_eq!(report.fix(NESTING), r"systemctl --user set-property 'a\x2db.slice' IOWeight=20");
}
