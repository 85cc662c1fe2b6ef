//! Slices of the user's manager: whether they are there, and whether what they say is in force.

mod lab;

use lab::Release::*;
use lab::{Machine, Release, Report};
use rstest::rstest;

const DEFINED: &str = "slice-defined";
const NESTING: &str = "slice-nesting";
const CONTROLLERS: &str = "controllers-delegated";
const HEADROOM: &str = "task-headroom";
const FAILED: &str = "failed-units";
/// Waits until the user's manager has started all that belongs to a login: an emulated machine takes
/// longer than the doctor has patience.
const SETTLED: &str = "systemctl --user is-system-running --wait >&2 || :; \"$@\"";

/// Writes the file of a slice where the user's manager looks for it, without telling the manager.
fn write_slice(machine: &Machine, name: &str, content: &str) {
    let script = format!(
        "mkdir -p ~/.config/systemd/user; printf '[Slice]\\n{content}\\n' > ~/.config/systemd/user/'{name}'"
    );
    machine.script("agent", &script);
}

#[track_caller]
fn check(machine: &Machine, id: &str, slice: &str) -> Report {
    machine.check_in(SETTLED, &[id, &format!("--slice={slice}")])
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
        &format!("GC_AGENT_SLICE='{slice}'\n{{ {fix}\n}} >&2\nexport GC_AGENT_SLICE; {SETTLED}"),
        &[id],
    )
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
fn on_a_virtual_machine_limits_are_in_force_and_told(#[values(Debian12)] release: Release) {
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

#[rstest]
fn units_that_failed_are_told_by_prefix_and_their_names_are_free_after_the_fix(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let launch = |name: &str, command: &str| {
        let unit = format!("--unit={name}");
        machine.agent(&["systemd-run", "--user", "--quiet", "--wait", &unit, command])
    };
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "none"), ("from-files", "none")], "ok");
    // What succeeds is forgotten, and what fails with --collect, too.
    launch("fine", "true");
    machine.agent(&["systemd-run", "--user", "--quiet", "--wait", "--collect", "false"]);
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    for name in ["fanout-code", "fanout-infra", r"odd\x20name:1"] {
        launch(name, "false");
        assert!(!launch(name, "true").status.success(), "{name} is not taken");
    }
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "some"), ("from-files", "none")], "warn");
    assert!(report.probe(FAILED)["summary"].as_str().unwrap().contains("fanout-* (2)"));
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed");
    machine.script("agent", &report.fix(FAILED));
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    // Beside units with files, only what was launched is to be forgotten.
    machine.script(
        "agent",
        "mkdir -p ~/.config/systemd/user; cd ~/.config/systemd/user
         printf '[Service]\nExecStart=/bin/false\n' >timed.service
         systemctl --user daemon-reload; systemctl --user start --wait timed.service || :
         for name in 'a\\x20b-1' 'a\\x20b-2' lone; do
             systemd-run --user --quiet --wait --unit=\"$name\" false || :
         done",
    );
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "some"), ("from-files", "some")], "warn");
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed 'a?x*'");
    machine.script("agent", &report.fix(FAILED));
    let report = machine.check(&[FAILED]);
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed lone.service");
    machine.script("agent", &report.fix(FAILED));
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "none"), ("from-files", "some")], "ok");
    assert!(launch("lone", "true").status.success());
    assert_eq!(machine.check(&[FAILED, "--manager=system"]).verdict(FAILED), "ok");
}

#[test]
fn a_heap_of_failed_units_is_told_as_one() {
    let machine = Machine::boot(Debian13);
    let heap = "for i in $(seq 50); do \
             systemd-run --user --quiet --unit=worker$i -p Type=oneshot false || :; \
         done; \"$@\"";
    let report = machine.check_in(heap, &[FAILED]);
    assert_told(&report, FAILED, &[("launched", "many")], "warn");
}
