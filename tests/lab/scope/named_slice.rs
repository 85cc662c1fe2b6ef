//! A slice that the operator names: accepted, refused or rewritten, and as active afterwards as
//! before.

use super::availability::{AVAILABILITY, check_with};
use crate::lab::{Machine, Release};

on_each_release!(a_slice_is_refused_masked_rewritten_or_accepted_and_its_name_is_only_data);
on_each_release!(a_slice_that_was_not_active_is_stopped_and_one_with_an_agent_keeps_running);

fn a_slice_is_refused_masked_rewritten_or_accepted_and_its_name_is_only_data(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let long = "a".repeat(300);
    let by_environment = |name: &str| format!("export GC_AGENT_SLICE={name}");

    for (name, fact) in [
        ("foo.service", ("available", "slice-refused")),
        ("a--b.slice", ("available", "slice-refused")),
        ("-x", ("available", "slice-refused")),
        ("/srv/agents", ("available", "slice-refused")),
        ("a@b.slice", ("available", "slice-refused")),
        (&long, ("available", "slice-refused")),
        ("\"$(printf 'a\\377b')\"", ("available", "slice-no-text")),
        ("'a\\xffb'", ("available", "slice-no-text")),
    ] {
        let report = check_with(&machine, &by_environment(name), &[]);
        report.assert_facts(AVAILABILITY, &[fact]);
        assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1));
        let fixed = check_with(&machine, &report.fix(AVAILABILITY), &[]);
        assert_eq!(fixed.verdict(AVAILABILITY), "ok", "{:#}", fixed.probe(AVAILABILITY));
    }
    // Characters that a unit's name cannot have, quoted for the shell that sets the variable.
    for name in ["'a b'", "'$(touch x)'", "\"$(printf 'a\\nb')\"", "a/b", "a%b"] {
        let report = check_with(&machine, &by_environment(name), &[]);
        report.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "elsewhere")]);
        assert_eq!((report.verdict(AVAILABILITY), report.status), ("fail", 1), "{name}");
        let fixed = check_with(&machine, &report.fix(AVAILABILITY), &[]);
        assert_eq!(fixed.verdict(AVAILABILITY), "ok", "{:#}", fixed.probe(AVAILABILITY));
    }
    for name in ["agents", "agents.slice", "a-b-c.slice", "_a.slice", "-.slice", "app.slice"] {
        let option = format!("--slice={name}");
        let report = check_with(&machine, "", &[&option]);
        report.assert_facts(AVAILABILITY, &[("available", "works"), ("landed", "as-named")]);
        assert_eq!(report.verdict(AVAILABILITY), "ok", "{name}");
    }
    let report = machine.check(&["--slice=--help", AVAILABILITY]);
    report.assert_facts(AVAILABILITY, &[("available", "slice-refused")]);

    // Slices that exist and cannot be started.
    machine.agent(&["systemctl", "--user", "mask", "agents.slice"]);
    let report = machine.check(&["--slice=agents", AVAILABILITY]);
    report.assert_facts(AVAILABILITY, &[("available", "slice-masked")]);
    let report = machine.check(&["--slice=agents-a", AVAILABILITY]);
    report.assert_facts(AVAILABILITY, &[("available", "slice-does-not-start")]);
    let started = machine.agent(&["sh", "-c", &report.fix(AVAILABILITY)]);
    assert!(String::from_utf8_lossy(&started.stderr).contains("agents.slice is masked"));
    let report = machine.check(&["--slice=agents", AVAILABILITY]);
    machine.script("agent", &report.fix(AVAILABILITY));
    for slice in ["--slice=agents", "--slice=agents-a"] {
        assert_eq!(machine.check(&[slice, AVAILABILITY]).verdict(AVAILABILITY), "ok");
    }

    assert_eq!(machine.script("agent", "find . -name x"), "");
    // No slice remains active, and the manager can still list its units.
    let slices =
        "systemctl --user list-units --type=slice --state=active --plain --no-legend --full";
    let left = machine.script("agent", slices);
    let known = ["-.slice", "app.slice", "session.slice"];
    let names = left.lines().filter_map(|line| line.split_ascii_whitespace().next());
    assert_eq!(names.filter(|name| !known.contains(name)).collect::<Vec<_>>(), [""; 0]);
}

fn a_slice_that_was_not_active_is_stopped_and_one_with_an_agent_keeps_running(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let list =
        "systemctl --user list-units --state=active --plain --no-legend --full 'agents*' 'launch*'";
    for slice in ["agents-team-a.slice", "agents team"] {
        machine.check(&["--slice", slice, AVAILABILITY]);
        assert_eq!(machine.script("agent", list), "", "{slice} is still active");
    }

    let agent = "systemd-run --user --quiet --scope --unit=agent --slice=agents-a -- sleep 600";
    machine.script(
        "agent",
        &format!(
            "{agent} >/dev/null 2>&1 & until systemctl --user -q is-active agent.scope; do :; done"
        ),
    );
    let before = machine.script("agent", list);
    let report = machine.check(&["--slice=agents-a", AVAILABILITY]);
    assert_eq!(report.verdict(AVAILABILITY), "ok");
    assert_eq!(machine.script("agent", list), before);
    // The doctor's own commands, in case the agent starts after the slice was seen to be empty.
    machine.script(
        "agent",
        "systemctl --user stop --job-mode=ignore-dependencies -- agents.slice agents-a.slice
         systemctl --user -q is-active agent.scope
         test \"$(cat /proc/$(pgrep -x sleep)/cgroup | sed -n 's,.*/agents.slice/agents-a.slice/,,p')\" = agent.scope
         systemd-run --user --quiet --scope --slice=agents-a -- true
         systemctl --user -q is-active agents-a.slice agents.slice agent.scope",
    );
}
