//! Whether limits are in force, and how much room they leave.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};
use crate::{NESTING, SETTLED, assert_told, check, follow};

const CONTROLLERS: &str = "controllers-delegated";
const HEADROOM: &str = "task-headroom";

#[rstest]
fn in_a_container_without_controllers_every_limit_is_accepted_and_none_is_in_force(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let ignored = ["cpu-weight", "memory-high", "tasks-max", "io-weight"].map(|f| (f, "ignored"));
    let absent = ["cpu", "memory", "pids", "io"].map(|controller| (controller, "absent"));
    for args in [&[CONTROLLERS][..], &[CONTROLLERS, "--slice=agents"]] {
        let report = machine.check(args);
        assert_told(&report, CONTROLLERS, &[ignored, absent].concat(), "warn");
        assert!(report.fix(CONTROLLERS).starts_with("cat /sys/fs/cgroup/cgroup.controllers"));
    }
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}

#[rstest]
fn on_a_virtual_machine_of_debian_11_the_cpu_controller_is_held_back_until_the_fix() {
    let machine = Machine::boot_vm(Debian11);
    let report = machine.check_in(SETTLED, &[CONTROLLERS]);
    let held_back = [("cpu", "held-back"), ("cpu-weight", "ignored"), ("io", "held-back")];
    assert_told(&report, CONTROLLERS, &held_back, "warn");
    let given = ["memory", "pids"].map(|controller| (controller, "delegated"));
    report.assert_facts(CONTROLLERS, &given);
    report.assert_facts(CONTROLLERS, &[("memory-high", "in-force"), ("tasks-max", "in-force")]);

    machine.script("root", &report.fix(CONTROLLERS).replace("sudo ", ""));
    let report = machine.check_in(SETTLED, &[CONTROLLERS]);
    assert_told(&report, CONTROLLERS, &[("cpu", "delegated"), ("cpu-weight", "in-force")], "ok");
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

#[rstest]
fn on_a_virtual_machine_limits_are_in_force_and_told(
    #[values(Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot_vm(release);
    machine.script("root", "loginctl enable-linger agent");
    a_weight_is_in_force_and_a_nested_one_only_inside_its_parent(&machine);
    the_bound_with_the_least_room_for_tasks_is_found(&machine);
    a_scope_is_stopped_when_one_process_of_it_was_killed_for_memory(&machine);
}

fn a_weight_is_in_force_and_a_nested_one_only_inside_its_parent(machine: &Machine) {
    let good = ["cpu-weight", "memory-high", "tasks-max"].map(|fact| (fact, "in-force"));
    let report = check(machine, CONTROLLERS, "agents");
    assert_told(&report, CONTROLLERS, &good, "ok");
    report.assert_facts(CONTROLLERS, &[("io", "held-back"), ("io-weight", "ignored")]);

    let nested = "systemctl --user set-property city-agents.slice CPUWeight=10";
    machine.script("agent", nested);
    let report = check(machine, NESTING, "city-agents");
    assert_told(&report, NESTING, &[("competes", "parent-only")], "warn");
    let percent = share(machine, "city-agents.slice", "city.slice", "rest.slice");
    assert!((35..=65).contains(&percent), "{percent} % in spite of a weight of 10");

    let report = follow(machine, &report, NESTING, "city-agents");
    assert_told(&report, NESTING, &[("competes", "everything-by-parent")], "ok");
    let percent = share(machine, "city-agents.slice", "city.slice", "rest.slice");
    assert!(percent < 25, "{percent} % with a weight of 10 against 100");
}

fn the_bound_with_the_least_room_for_tasks_is_found(machine: &Machine) {
    let set = |value: u64| {
        let set = format!("systemctl --user set-property agents.slice TasksMax={value}");
        machine.script("agent", &set);
        check(machine, HEADROOM, "agents")
    };
    let slice = |tasks| [("tasks", tasks), ("bound", "slice")];
    assert_told(&set(20), HEADROOM, &slice("exhausted"), "fail");
    let report = set(200);
    assert_told(&report, HEADROOM, &slice("tight"), "warn");
    assert_eq!(
        report.fix(HEADROOM),
        "systemctl --user set-property agents.slice TasksMax=infinity"
    );
    let report = follow(machine, &report, HEADROOM, "agents");
    assert_told(&report, HEADROOM, &[("tasks", "enough")], "ok");

    // A third of what this machine has is the user's.
    let fleet = [HEADROOM, "--fleet=100"];
    let report = machine.check_in(SETTLED, &fleet);
    assert_told(&report, HEADROOM, &[("tasks", "tight"), ("bound", "user")], "warn");
    machine.script("root", &report.fix(HEADROOM).replace("sudo ", ""));
    assert_ne!(machine.check_in(SETTLED, &fleet).fact(HEADROOM, "bound"), "user");

    machine.script(
        "root",
        "mkdir -p /etc/systemd/user.conf.d
         printf '[Manager]\nDefaultTasksMax=32\n' >/etc/systemd/user.conf.d/10-low.conf",
    );
    let report =
        machine.check_in(&format!("systemctl --user daemon-reexec; {SETTLED}"), &[HEADROOM]);
    assert_told(&report, HEADROOM, &[("tasks", "tight"), ("bound", "scope")], "warn");
    follow_as_both(machine, &report);
    assert_told(&machine.check_in(SETTLED, &[HEADROOM]), HEADROOM, &[("tasks", "enough")], "ok");

    machine.script("root", "sysctl -w kernel.threads-max=300");
    let report = machine.check_in(SETTLED, &[HEADROOM]);
    assert_told(&report, HEADROOM, &[("tasks", "tight"), ("bound", "kernel")], "warn");
    follow_as_both(machine, &report);
    assert_told(&machine.check_in(SETTLED, &[HEADROOM]), HEADROOM, &[("tasks", "enough")], "ok");
}

/// Does what a report advises: as root what needs it, the rest as `agent`.
fn follow_as_both(machine: &Machine, report: &Report) {
    let fix = report.fix(HEADROOM);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(HEADROOM));
    for line in fix.lines() {
        let user = if line.contains("sudo ") { "root" } else { "agent" };
        machine.script(user, &line.replace("sudo ", ""));
    }
}

fn a_scope_is_stopped_when_one_process_of_it_was_killed_for_memory(machine: &Machine) {
    let agent = "perl -e '$x = q(x) x 200_000_000; sleep 1'; sleep 1; echo lives";
    let outcome = |options: &[&str]| {
        let limits = ["-p", "MemoryMax=50M", "-p", "MemorySwapMax=0"];
        let launch = ["systemd-run", "--user", "--scope", "--quiet"];
        let words = [&launch[..], &limits, options, &["--", "sh", "-c", agent]].concat();
        String::from_utf8_lossy(&machine.agent(&words).stdout).trim().to_owned()
    };
    machine.check_in(SETTLED, &[HEADROOM]).assert_facts(HEADROOM, &[("oom-policy", "stop")]);
    assert_eq!(outcome(&[]), "");
    assert_eq!(outcome(&["-p", "OOMPolicy=continue"]), "lives");
}

#[rstest]
fn the_limits_of_processes_and_files_are_told_and_the_fixes_raise_them(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let policy = if release.systemd() < 252 { "continue" } else { "stop" };
    let report = machine.check(&[HEADROOM]);
    let good = [("tasks", "enough"), ("open-files", "enough"), ("service-open-files", "enough")];
    assert_told(&report, HEADROOM, &good, "ok");
    report.assert_facts(HEADROOM, &[("oom-policy", policy), ("managed-oom", "off")]);

    machine.script("root", "echo 'agent - nproc 20000' >/etc/security/limits.d/10-low-nproc.conf");
    let limit = "process-limit";
    let report = machine.check(&[HEADROOM, "--fleet=4000"]);
    assert_told(&report, HEADROOM, &[("tasks", "exhausted"), ("bound", limit)], "fail");
    let report = machine.check(&[HEADROOM, "--fleet=600"]);
    assert_told(&report, HEADROOM, &[("tasks", "tight"), ("bound", limit)], "warn");
    follow_as_both(&machine, &report);
    assert_told(&machine.check(&[HEADROOM, "--fleet=600"]), HEADROOM, &good, "ok");

    machine.script("root", "echo 'agent - nofile 2048' >/etc/security/limits.d/10-low.conf");
    let report = machine.check(&[HEADROOM]);
    assert_told(&report, HEADROOM, &[("open-files", "low")], "warn");
    follow_as_both(&machine, &report);
    let report = machine.check(&[HEADROOM]);
    assert_told(&report, HEADROOM, &good, "ok");

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
    assert_told(&report, HEADROOM, &[("service-open-files", "low")], "warn");
    let policy = if release.systemd() < 252 { "continue" } else { "kill" };
    report.assert_facts(HEADROOM, &[("oom-policy", policy), ("managed-oom", "kill")]);
    follow_as_both(&machine, &report);
    assert_told(&machine.check(&[HEADROOM]), HEADROOM, &good, "ok");
}
