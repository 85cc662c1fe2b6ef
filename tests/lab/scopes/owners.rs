use super::{report, rows, scene, scopes, status};
use crate::lab::{Machine, Release};

on_each_release!(every_unit_of_the_scene_has_its_owner_and_the_fix_leaves_nothing_to_report);

/// The scene: unit, owner, evidence.
const SCENE: [(&str, Option<&str>, Option<&str>); 10] = [
    ("described.service", Some("gc-described"), Some("description")),
    ("gc-named.service", Some("gc-named"), Some("unit-name")),
    ("launched.scope", Some("dispatch.service"), Some("launcher-unit")),
    ("lost.scope", None, None),
    ("outside", Some("work"), Some("pane-pid")),
    ("plain.service", None, Some("launcher-unit")),
    ("run-env.scope", Some("gc-env"), Some("TMUX_PANE")),
    ("run-mayor.scope", Some("gc-mayor"), Some("pane-pid")),
    ("run-shell.scope", Some("gc-shell"), Some("pane-pid")),
    ("run-tty.scope", Some("gc-tty"), Some("tty")),
];
const SLICE: [&str; 2] = ["--slice", "agents"];
/// The check that finds the same orphans.
const ORPHANS: &str = "slice-orphans";

fn every_unit_of_the_scene_has_its_owner_and_the_fix_leaves_nothing_to_report(release: Release) {
    let machine = scene(release);
    let (exit, found) = scopes(&machine, &SLICE);
    let mut owners = rows(&found);
    owners.sort();
    let text = |it: Option<&str>| it.map(str::to_owned);
    let expected = SCENE.map(|(unit, owner, by)| (unit.to_owned(), text(owner), text(by)));
    assert_eq!(owners, expected, "{found:#}");
    assert_eq!((exit, &found["exit"]), (1, &1.into()));
    let orphans = |it: &&serde_json::Value| it["orphan"] == true;
    let found_scopes = found["scopes"].as_array().unwrap();
    assert_eq!(found_scopes.iter().filter(orphans).count(), 1);
    for scope in found_scopes {
        assert!(scope["tasks"].as_u64() > Some(0) && scope["memory_bytes"].as_u64() > Some(0));
        assert!(scope["since"].is_string() && scope["cpu_usec"].is_u64(), "{scope:#}");
    }

    // Without the name of the slice it is found by its transient units, as app.slice with the dispatcher is.
    let (_, discovered) = scopes(&machine, &[]);
    let slices = discovered["slices"].as_array().unwrap();
    let names: Vec<&str> = slices.iter().filter_map(|slice| slice["name"].as_str()).collect();
    assert_eq!(names, ["agents.slice", "app.slice"]);
    assert_eq!(rows(&scopes(&machine, &SLICE).1), rows(&found), "two runs differ");

    assert_names_select(&machine, &found);
    assert_text_is_safe(&machine);
    assert_the_callers_pane_is_none(&machine);
    assert_a_slice_without_units_is_no_error(&machine);

    let check = || machine.check(&[ORPHANS, "--slice=agents"]);
    let report = check();
    report.assert_facts(ORPHANS, &[("orphans", "some")]);
    assert_eq!(report.fix(ORPHANS), "systemctl --user stop lost.scope");

    // The fixes: the printed command, and the pane launched again as it should have been.
    let human = machine.agent(&["doctor", "scopes", "--slice", "agents"]);
    let human = String::from_utf8_lossy(&human.stdout).into_owned();
    let fix = human.lines().find_map(|line| line.trim().strip_prefix("$ ")).expect("a fix");
    assert_eq!(fix, "systemctl --user stop lost.scope");
    machine.script("agent", fix);
    machine.script(
        "agent",
        "tmux -L fleet kill-session -t work
         exec 3<>$HOME/ready
         $HOME/pane work 'exec $HOME/launch run-work.scope $HOME/agent'
         read -r _ <&3",
    );
    let (exit, fixed) = scopes(&machine, &SLICE);
    assert_eq!(exit, 0, "{fixed:#}");
    check().assert_facts(ORPHANS, &[("orphans", "none")]);
}

fn assert_names_select(machine: &Machine, found: &serde_json::Value) {
    let scopes_found = found["scopes"].as_array().unwrap();
    let mayor = scopes_found.iter().find(|it| it["unit"] == "run-mayor.scope").unwrap();
    let pid = mayor["processes"][0]["pid"].to_string();
    let pane = mayor["owner"]["pane_id"].as_str().unwrap();
    for name in ["run-mayor.scope", "run-mayor", "gc-mayor", "gc-mayor:0.0", &pid, pane] {
        let (exit, selected) = scopes(machine, &["--slice", "agents", name]);
        let units: Vec<String> = rows(&selected).into_iter().map(|(unit, ..)| unit).collect();
        assert_eq!((exit, units), (0, vec!["run-mayor.scope".to_owned()]), "{name}");
    }
    for (args, hint) in [
        (&["--slice", "agents", "gc-mayr"][..], "did you mean `gc-mayor`?"),
        (&["--slice", "agents", "%999"], "`%999`"),
        (&["--slice", "agnts"], "did you mean `agents.slice`?"),
    ] {
        let output = machine.agent(&[&["doctor", "scopes"], args].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(status(&output), 4, "{stderr}");
        assert!(stderr.contains(hint) && output.stdout.is_empty(), "{stderr}");
    }
    let (_, orphans) = scopes(machine, &["--slice", "agents", "--orphans"]);
    assert_eq!(rows(&orphans).len(), 1);
    let (exit, old) = scopes(machine, &["--slice", "agents", "--older", "2h"]);
    assert_eq!((exit, rows(&old).len()), (0, 0));
}

/// A process has a line break, a tab and an escape in its name.
fn assert_text_is_safe(machine: &Machine) {
    for args in [&["--tree", "--args"][..], &["--format", "prometheus"], &["--sample", "20ms"]] {
        let output = machine.agent(&[&["doctor", "scopes", "--slice", "agents"], args].concat());
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(status(&output), 1);
        assert!(!text.contains(['\u{1b}', '\t']), "{text:?}");
        assert!(text.lines().all(|line| !line.starts_with('x')), "{text}");
    }
}

fn assert_the_callers_pane_is_none(machine: &Machine) {
    machine.script(
        "agent",
        "tmux -L own new-session -d -s operator \
           'doctor scopes --slice agents --format json >$HOME/own.json; tmux -L own wait-for -S done; exec sleep 1000'
         tmux -L own wait-for done",
    );
    let output = machine.agent(&["cat", "/home/agent/own.json"]);
    let own = report(&output);
    assert!(rows(&own).iter().all(|(_, owner, _)| owner.as_deref() != Some("operator")));
    let (_, others) = scopes(machine, &SLICE);
    assert!(rows(&others).iter().any(|(_, owner, _)| owner.as_deref() == Some("operator")));
    machine.script("agent", "tmux -L own kill-server");
}

fn assert_a_slice_without_units_is_no_error(machine: &Machine) {
    machine.script(
        "agent",
        r"mkdir -p ~/.config/systemd/user
          printf '[Slice]\nTasksMax=100\n' >~/.config/systemd/user/empty.slice
          systemctl --user daemon-reload",
    );
    let (exit, empty) = scopes(machine, &["--slice", "empty"]);
    assert_eq!((exit, &empty["slices"][0]["name"]), (1, &"empty.slice".into()));
    assert!(rows(&empty).iter().all(|(unit, ..)| unit == "outside"));
    let report = machine.check(&[ORPHANS, "--slice=empty"]);
    report.assert_facts(ORPHANS, &[("orphans", "empty")]);
    let output = machine.agent(&["doctor", "scopes", "--slice", "empty", "--orphans"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((status(&output), &*text), (0, "no unit to show in empty.slice\n"));
}
