//! Whether limits are applied, and how many more tasks they allow.

use rstest::rstest;

use super::{NESTING, SETTLED, apply_fix, assert_measured, check};
use crate::lab::Release::*;
use crate::lab::{AS_AGENT, Machine, Release, Report};

on_each_release!(in_a_container_without_controllers_every_limit_is_accepted_and_none_is_applied);
on_each_release!(on_a_virtual_machine_limits_are_applied_and_reported: Debian12, Debian14);
on_each_release!(low_limits_on_processes_and_files_are_found_and_the_fixes_raise_them);

const CONTROLLERS: &str = "controllers-delegated";
const HEADROOM: &str = "task-headroom";

fn in_a_container_without_controllers_every_limit_is_accepted_and_none_is_applied(
    release: Release,
) {
    let machine = Machine::boot(release);
    let facts = [
        ("cpu-weight", "ignored"),
        ("memory-high", "ignored"),
        ("tasks-max", "ignored"),
        ("io-weight", "ignored"),
        ("cpu", "absent"),
        ("memory", "absent"),
        ("pids", "absent"),
        ("io", "absent"),
    ];
    for args in [&[CONTROLLERS][..], &[CONTROLLERS, "--slice=agents"]] {
        let report = machine.check(args);
        assert_measured(&report, CONTROLLERS, &facts, "warn");
        assert!(report.look(CONTROLLERS).starts_with("cat /sys/fs/cgroup/cgroup.controllers"));
    }
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}

#[rstest]
fn on_a_virtual_machine_of_debian_11_controllers_are_held_back_until_they_are_delegated() {
    let machine = Machine::boot_vm(Debian11);
    let report = machine.check_in(SETTLED, &[CONTROLLERS]);
    let held_back = [("cpu", "held-back"), ("cpu-weight", "ignored"), ("io", "held-back")];
    assert_measured(&report, CONTROLLERS, &held_back, "warn");
    report.assert_facts(CONTROLLERS, &[("memory", "delegated"), ("pids", "delegated")]);
    report.assert_facts(CONTROLLERS, &[("memory-high", "in-force"), ("tasks-max", "in-force")]);

    machine.script("root", &report.fix(CONTROLLERS).replace("sudo ", ""));
    let report = machine.check_in(SETTLED, &[CONTROLLERS]);
    assert_measured(
        &report,
        CONTROLLERS,
        &[("cpu", "delegated"), ("cpu-weight", "in-force")],
        "ok",
    );
    the_nearest_limit_on_memory_is_found(&machine);

    // Without DisableControllers= the user's slice needs memory and pids itself, and so the user
    // manager has them whatever is delegated.
    machine.script(
        "root",
        "cd /etc/systemd/system; mkdir -p user-.slice.d
         printf '[Service]\nDelegate=\nDelegate=io\n' >user@.service.d/zz-other.conf
         printf '[Slice]\nDisableControllers=memory pids\n' >user-.slice.d/zz-other.conf
         systemctl daemon-reload; systemctl stop user@1000.service user-1000.slice",
    );
    let report = machine.check_in(SETTLED, &[CONTROLLERS]);
    let facts = [
        ("memory", "held-back"),
        ("memory-high", "ignored"),
        ("pids", "held-back"),
        ("tasks-max", "ignored"),
        ("io", "delegated"),
        ("io-weight", "in-force"),
    ];
    assert_measured(&report, CONTROLLERS, &facts, "warn");

    // The kernel of Debian 11 has no numbers for process descriptors.
    let report = machine.check_in(SETTLED, &["scope-name"]);
    assert_measured(&report, "scope-name", &[("pattern-without-pidfs", "random")], "known");
    let stand_in = "mkdir -p /stand-in; printf '%s\n' '#!/bin/sh' \
         'exec /usr/bin/systemd-run --unit=agent-$$ \"$@\"' >/stand-in/systemd-run
         chmod 755 /stand-in/systemd-run";
    machine.script("root", stand_in);
    let report = machine.check_in(&format!("PATH=/stand-in:$PATH; {SETTLED}"), &["scope-name"]);
    report.assert_facts("scope-name", &[("pattern-without-pidfs", "other")]);
}

/// How much of one processor, in percent, a busy process in `slice` gets beside one in `other`:
/// the slices are of the top level.
fn share(machine: &Machine, slice: &str, top: &str, other: &str) -> u64 {
    let script = format!(
        "cd /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
         busy() {{ systemd-run --user --quiet --collect --slice=$1 --unit=$2 -- sh -c 'while :; do :; done'; }}
         used() {{ sed -n 's/usage_usec //p' $1/cpu.stat; }}
         busy {slice} one; busy {other} other
         one=$(used {top}) other=$(used {other}); sleep 3
         one=$(($(used {top}) - one)) other=$(($(used {other}) - other))
         systemctl --user stop one other
         echo $((100 * one / (one + other)))"
    );
    machine.script("agent", &script).trim().parse().expect("a number")
}

fn on_a_virtual_machine_limits_are_applied_and_reported(release: Release) {
    let machine = Machine::boot_vm(release);
    machine.script("root", "loginctl enable-linger agent");
    a_weight_is_applied_and_a_nested_one_only_inside_its_parent(&machine);
    the_tightest_limit_on_tasks_is_found(&machine);
    if release == Debian14 {
        the_nearest_limit_on_memory_is_found(&machine);
    }
    a_scope_is_stopped_when_the_kernel_kills_one_process_to_free_memory(&machine);
}

fn a_weight_is_applied_and_a_nested_one_only_inside_its_parent(machine: &Machine) {
    let good = [("cpu-weight", "in-force"), ("memory-high", "in-force"), ("tasks-max", "in-force")];
    let report = check(machine, CONTROLLERS, "agents");
    assert_measured(&report, CONTROLLERS, &good, "ok");
    report.assert_facts(CONTROLLERS, &[("io", "held-back"), ("io-weight", "ignored")]);

    let nested = "systemctl --user set-property city-agents.slice CPUWeight=10";
    machine.script("agent", nested);
    let report = check(machine, NESTING, "city-agents");
    assert_measured(&report, NESTING, &[("competes", "parent-only")], "warn");
    let percent = share(machine, "city-agents.slice", "city.slice", "rest.slice");
    assert!((35..=65).contains(&percent), "{percent} % in spite of a weight of 10");

    let report = apply_fix(machine, &report, NESTING, "city-agents");
    assert_measured(&report, NESTING, &[("competes", "everything-by-parent")], "ok");
    let percent = share(machine, "city-agents.slice", "city.slice", "rest.slice");
    assert!(percent < 25, "{percent} % with a weight of 10 against 100");
}

fn the_tightest_limit_on_tasks_is_found(machine: &Machine) {
    let set = |value: u64| {
        let set = format!("systemctl --user set-property agents.slice TasksMax={value}");
        machine.script("agent", &set);
        check(machine, HEADROOM, "agents")
    };
    assert_measured(&set(20), HEADROOM, &[("tasks", "exhausted"), ("bound", "slice")], "fail");
    let report = set(200);
    assert_measured(&report, HEADROOM, &[("tasks", "tight"), ("bound", "slice")], "warn");
    assert_eq!(
        report.fix(HEADROOM),
        "systemctl --user set-property agents.slice TasksMax=infinity"
    );
    let report = apply_fix(machine, &report, HEADROOM, "agents");
    assert_measured(&report, HEADROOM, &[("tasks", "enough")], "ok");

    // Without a name it is the slice in which the manager puts units.
    let limited = format!("systemctl --user set-property app.slice TasksMax=20; {SETTLED}");
    let report = machine.check_in(&limited, &[HEADROOM]);
    assert_measured(&report, HEADROOM, &[("tasks", "exhausted"), ("bound", "slice")], "fail");
    assert_eq!(report.fix(HEADROOM), "systemctl --user set-property app.slice TasksMax=infinity");
    apply_fix_as_both(machine, &report);

    // The user's slice has a third of this machine's tasks.
    let agents = [HEADROOM, "--fleet=100"];
    let report = machine.check_in(SETTLED, &agents);
    assert_measured(&report, HEADROOM, &[("tasks", "tight"), ("bound", "user")], "warn");
    machine.script("root", &report.fix(HEADROOM).replace("sudo ", ""));
    assert_ne!(machine.check_in(SETTLED, &agents).fact(HEADROOM, "bound"), "user");

    machine.script(
        "root",
        "mkdir -p /etc/systemd/user.conf.d
         printf '[Manager]\nDefaultTasksMax=32\n' >/etc/systemd/user.conf.d/10-low.conf",
    );
    let report =
        machine.check_in(&format!("systemctl --user daemon-reexec; {SETTLED}"), &[HEADROOM]);
    assert_measured(&report, HEADROOM, &[("tasks", "tight"), ("bound", "scope")], "warn");
    assert_fix_makes_room(machine, &report);

    machine.script("root", "sysctl -w kernel.threads-max=300");
    let report = machine.check_in(SETTLED, &[HEADROOM]);
    assert_measured(&report, HEADROOM, &[("tasks", "tight"), ("bound", "kernel")], "warn");
    assert_fix_makes_room(machine, &report);
}

/// Fills the slice with page cache up to its limit, and then holds memory in it.
const HOLD_MEMORY: &str = r"
    systemctl --user set-property agents.slice MemoryMax=150M
    systemd-run --user --quiet --slice=agents.slice --unit=holder -- perl -e '
        open F, q(<), q(/srv/cache); 1 while sysread F, $_, 1 << 20;
        $size = 40 << 20; $held = q(x) x $size;
        open O, q(>), q(held); close O; sleep 1000'
    until [ -e ~/held ]; do :; done";

fn the_nearest_limit_on_memory_is_found(machine: &Machine) {
    machine.script("root", "loginctl enable-linger agent; head -c 200M /dev/zero >/srv/cache");
    machine.script("agent", HOLD_MEMORY);
    // doctor itself is outside the slices that it examines.
    let script = format!("{AS_AGENT}cd /home/agent; as_agent \"$@\"");
    let check = || machine.check_as("root", &script, &[HEADROOM, "--slice=agents.slice"]);
    let facts = [("memory", "enough"), ("memory-bound", "slice")];
    assert_measured(&check(), HEADROOM, &facts, "ok");

    // An emulated machine takes ten seconds for each report, and longer the newer its systemd is.
    let of_slice = ("agents.slice", ("memory-bound", "slice"));
    let of_user = ("user-1000.slice", ("memory-bound", "user"));
    let tight = ("MemoryMax", ("memory", "tight"));
    let throttled = ("MemoryHigh", ("memory", "throttled"));
    let states: &[_] = match machine.release() {
        Debian11 => {
            &[(of_slice, tight), (of_slice, throttled), (of_user, tight), (of_user, throttled)]
        }
        _ => &[(of_slice, tight)],
    };
    for &((unit, bound), (property, headroom)) in states {
        let set = |settings: &str| {
            let (user, manager) =
                if bound.1 == "slice" { ("agent", "--user") } else { ("root", "--system") };
            machine.script(user, &format!("systemctl {manager} set-property {unit} {settings}"));
        };
        let used = memory_without_page_cache(machine, unit);
        let limit = if property == "MemoryMax" { used + (4 << 20) } else { used };
        set(&format!("MemoryMax=infinity MemoryHigh=infinity {property}={limit}"));
        let report = check();
        assert_measured(&report, HEADROOM, &[headroom, bound], "warn");
        apply_fix_as_both(machine, &report);
        assert_measured(&check(), HEADROOM, &[("memory", "enough")], "ok");
        set("MemoryMax=infinity MemoryHigh=infinity");
    }
    assert_measured(&check(), HEADROOM, &[("memory-bound", "none")], "ok");
    machine.script("agent", "systemctl --user stop holder.service; loginctl disable-linger");
}

/// Returns how many bytes of memory a slice has in use that the kernel cannot just drop.
fn memory_without_page_cache(machine: &Machine, slice: &str) -> u64 {
    let read = format!(
        "cd $(find /sys/fs/cgroup -type d -name {slice})
         cache=$(sed -n 's/^file //p' memory.stat) shared=$(sed -n 's/^shmem //p' memory.stat)
         echo $(($(cat memory.current) - cache + shared))"
    );
    machine.script("root", &read).trim().parse().expect("a number")
}

/// Executes a report's fix and asserts that there is room for the tasks then.
fn assert_fix_makes_room(machine: &Machine, report: &Report) {
    apply_fix_as_both(machine, report);
    let report = machine.check_in(SETTLED, &[HEADROOM]);
    assert_measured(&report, HEADROOM, &[("tasks", "enough")], "ok");
}

/// Executes a report's fix: as root what needs it, the rest as `agent`.
fn apply_fix_as_both(machine: &Machine, report: &Report) {
    let fix = report.fix(HEADROOM);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(HEADROOM));
    for line in fix.lines() {
        let user = if line.contains("sudo ") { "root" } else { "agent" };
        machine.script(user, &line.replace("sudo ", ""));
    }
}

fn a_scope_is_stopped_when_the_kernel_kills_one_process_to_free_memory(machine: &Machine) {
    let agent = "perl -e '$x = q(x) x 200_000_000; sleep 1'; sleep 1; echo runs";
    let outcome = |options: &[&str]| {
        let limits = ["-p", "MemoryMax=50M", "-p", "MemorySwapMax=0"];
        let launch = ["systemd-run", "--user", "--scope", "--quiet"];
        let words = [&launch[..], &limits, options, &["--", "sh", "-c", agent]].concat();
        String::from_utf8_lossy(&machine.agent(&words).stdout).trim().to_owned()
    };
    machine.check_in(SETTLED, &[HEADROOM]).assert_facts(HEADROOM, &[("oom-policy", "stop")]);
    assert_eq!(outcome(&[]), "");
    assert_eq!(outcome(&["-p", "OOMPolicy=continue"]), "runs");
}

fn low_limits_on_processes_and_files_are_found_and_the_fixes_raise_them(release: Release) {
    let machine = Machine::boot(release);
    let policy = match release.systemd() {
        ..252 => ("oom-policy", "continue"),
        _ => ("oom-policy", "stop"),
    };
    let report = machine.check(&[HEADROOM]);
    let good = [("tasks", "enough"), ("open-files", "enough"), ("service-open-files", "enough")];
    assert_measured(&report, HEADROOM, &good, "ok");
    report.assert_facts(HEADROOM, &[policy, ("managed-oom", "off")]);

    machine.script("root", "echo 'agent - nproc 20000' >/etc/security/limits.d/10-low-nproc.conf");
    let report = machine.check(&[HEADROOM, "--fleet=4000"]);
    assert_measured(
        &report,
        HEADROOM,
        &[("tasks", "exhausted"), ("bound", "process-limit")],
        "fail",
    );
    let report = machine.check(&[HEADROOM, "--fleet=600"]);
    assert_measured(&report, HEADROOM, &[("tasks", "tight"), ("bound", "process-limit")], "warn");
    apply_fix_as_both(&machine, &report);
    assert_measured(&machine.check(&[HEADROOM, "--fleet=600"]), HEADROOM, &good, "ok");

    machine.script("root", "echo 'agent - nofile 2048' >/etc/security/limits.d/10-low.conf");
    let report = machine.check(&[HEADROOM]);
    assert_measured(&report, HEADROOM, &[("open-files", "low")], "warn");
    apply_fix_as_both(&machine, &report);
    let report = machine.check(&[HEADROOM]);
    assert_measured(&report, HEADROOM, &good, "ok");

    machine.script(
        "root",
        "mkdir -p /etc/systemd/user.conf.d
         printf '[Manager]\nDefaultLimitNOFILE=1024:2048\nDefaultOOMPolicy=kill\n' \
            >/etc/systemd/user.conf.d/10-low.conf",
    );
    let managed = "systemctl --user daemon-reexec
         systemctl --user set-property agents.slice ManagedOOMMemoryPressure=kill
         \"$@\"";
    let report = machine.check_in(managed, &[HEADROOM, "--slice=agents"]);
    assert_measured(&report, HEADROOM, &[("service-open-files", "low")], "warn");
    let policy = match release.systemd() {
        ..252 => ("oom-policy", "continue"),
        _ => ("oom-policy", "kill"),
    };
    report.assert_facts(HEADROOM, &[policy, ("managed-oom", "kill")]);
    let drop_in = "mkdir -p ~/.config/systemd/user/app.slice.d
         printf '[Slice]\nManagedOOMMemoryPressure=kill\n' >~/.config/systemd/user/app.slice.d/a.conf
         systemctl --user daemon-reload; \"$@\"; rm -r ~/.config/systemd/user/app.slice.d";
    machine.check_in(drop_in, &[HEADROOM]).assert_facts(HEADROOM, &[("managed-oom", "kill")]);
    apply_fix_as_both(&machine, &report);
    assert_measured(&machine.check(&[HEADROOM]), HEADROOM, &good, "ok");
}
