//! How scopes behave on each release.

use crate::lab::{Machine, Release};

on_each_release!(a_wrong_runtime_directory_decides_for_scopes_and_a_wrong_bus_address_for_wait);
on_each_release!(systemd_258_expands_the_command_of_a_scope_and_two_workarounds_prevent_it);
on_each_release!(systemd_run_becomes_the_command_of_a_scope_and_passes_everything_on);
on_each_release!(the_name_of_an_unnamed_scope_contains_its_process_id_since_257);
on_each_release!(some_names_of_a_slice_are_refused_and_some_silently_rewritten);
on_each_release!(a_slice_is_listed_by_user_unit_and_not_by_the_documented_command);

fn a_wrong_runtime_directory_decides_for_scopes_and_a_wrong_bus_address_for_wait(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["bus-address"]);
    let by_bus = if release.systemd() < 257 { "starts" } else { "refused" };
    report.assert_facts(
        "bus-address",
        &[
            ("scope-neither", "refused"),
            ("scope-dir-alone", "starts"),
            ("scope-bus-alone", "starts"),
            ("scope-dir-wrong", by_bus),
            ("scope-dir-empty", by_bus),
            ("scope-bus-wrong", "starts"),
            ("scope-bus-empty", "starts"),
            ("wait-neither", "refused"),
            ("wait-dir-alone", "starts"),
            ("wait-bus-alone", "starts"),
            ("wait-dir-wrong", "starts"),
            ("wait-dir-empty", "starts"),
            ("wait-bus-wrong", "refused"),
            ("wait-bus-empty", "refused"),
        ],
    );
    assert_eq!((report.verdict("bus-address"), report.status), ("known", 0));

    // It sets both variables itself: those of the doctor do not matter.
    let report = machine.check_in("unset DBUS_SESSION_BUS_ADDRESS; \"$@\"", &["bus-address"]);
    assert_eq!(report.verdict("bus-address"), "known");
    let report = machine.check(&["bus-address", "--manager", "system"]);
    assert_eq!(report.verdict("bus-address"), "skipped");
    assert_eq!(
        machine.script("agent", "systemctl --user list-units --all --plain --no-legend 'launch*'"),
        ""
    );
}

fn systemd_258_expands_the_command_of_a_scope_and_two_workarounds_prevent_it(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["scope-argument-expansion"]);
    let expands = release.systemd() >= 258;
    let rewritten = if expands { "rewritten" } else { "untouched" };
    let has_option = release.systemd() >= 254;
    report.assert_facts(
        "scope-argument-expansion",
        &[
            ("command", rewritten),
            ("braces", rewritten),
            ("braces-unset", rewritten),
            ("braces-operator", rewritten),
            ("dollar-pair", rewritten),
            ("whole-variable", rewritten),
            ("leading-variable", if expands { "gone" } else { "untouched" }),
            ("inner-variable", "untouched"),
            ("substitution", "untouched"),
            ("percent", "untouched"),
            ("eval", "untouched"),
            ("expand-no", if has_option { "untouched" } else { "refused" }),
            ("warning", if has_option && !expands { "given" } else { "none" }),
        ],
    );
    let verdict = if expands { "known" } else { "ok" };
    assert_eq!((report.verdict("scope-argument-expansion"), report.status), (verdict, 0));
    assert_eq!(report.fix("scope-argument-expansion").is_empty(), !expands);

    // The launcher's wrapper, and the workaround that the card has for every release.
    let command = "X=inner; test \"${X}\" = inner && kill -0 $$ && echo whole";
    let wrapped =
        machine.agent(&["systemd-run", "--user", "--scope", "--quiet", "--", "sh", "-c", command]);
    assert_eq!(wrapped.stdout == b"whole\n", !expands);
    let variable = format!("DOCTOR_COMMAND={command}");
    let eval = ["--scope", "--quiet", "--", "sh", "-c", "eval \"$DOCTOR_COMMAND\""];
    let passed = machine.agent(&[&["env", &variable, "systemd-run", "--user"], &eval[..]].concat());
    assert_eq!(passed.stdout, b"whole\n");
    let own = "systemctl --user list-units --all --plain --no-legend 'launch*'";
    assert_eq!(machine.script("agent", own), "");
}

fn systemd_run_becomes_the_command_of_a_scope_and_passes_everything_on(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["scope-exec"]);
    report.assert_facts(
        "scope-exec",
        &[
            ("process", "same"),
            ("comm", "command"),
            ("cmdline", "full-path"),
            ("descriptors", "passed"),
            ("exit-status", "passed"),
            ("death", "passed"),
            ("signal", "passed"),
            ("own-failure", "exit-1"),
            ("scope-child", "scope"),
            ("unwrapped-child", "launcher"),
        ],
    );
    assert_eq!((report.verdict("scope-exec"), report.status), ("known", 0));

    let own = "systemctl --user list-units --all --plain --no-legend 'launch*'";
    assert_eq!(machine.script("agent", own), "");
}

fn the_name_of_an_unnamed_scope_contains_its_process_id_since_257(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["scope-name"]);
    let pattern = if release.systemd() < 257 { "random" } else { "process-id" };
    report.assert_facts(
        "scope-name",
        &[
            ("pattern", pattern),
            ("announced", "yes"),
            ("unit", "kept"),
            ("description", "command"),
            ("own-description", "kept"),
        ],
    );
    let verdict = if pattern == "random" { "known" } else { "ok" };
    assert_eq!((report.verdict("scope-name"), report.status), (verdict, 0));

    // Over the message bus, systemd-run has a number up to 256.
    let report = machine.check_in("exec env -u XDG_RUNTIME_DIR \"$@\"", &["scope-name"]);
    let pattern = if release.systemd() < 257 { "bus-name" } else { "process-id" };
    report.assert_facts("scope-name", &[("pattern-over-bus", pattern)]);
    assert_eq!((report.verdict("scope-name"), report.status), (verdict, 0));
    let own = "systemctl --user list-units --all --plain --no-legend --type=scope,slice 'launch*' 'run-*'";
    assert_eq!(machine.script("agent", own), "");
}

fn some_names_of_a_slice_are_refused_and_some_silently_rewritten(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    let report = machine.check(&["slice-name"]);
    report.assert_facts(
        "slice-name",
        &[
            ("plain", "taken"),
            ("no-suffix", "taken"),
            ("space", "rewritten"),
            ("newline", "rewritten"),
            ("percent", "rewritten"),
            ("dollar", "rewritten"),
            ("inner-slash", "rewritten"),
            ("leading-slash", "refused"),
            ("double-dash", "refused"),
            ("trailing-dash", "refused"),
            ("leading-dash", "refused"),
            ("other-type", "refused"),
            ("instance", "refused"),
            ("long", "refused"),
            ("empty", "default"),
        ],
    );
    assert_eq!((report.verdict("slice-name"), report.status), ("known", 0));
    // The slices that it created are removed.
    let own = "systemctl --user list-units --state=active --plain --no-legend --full --type=slice";
    let slices = machine.script("agent", own);
    assert!(slices.contains("-.slice") && !slices.contains("launch"), "{slices}");

    // A name that is not valid text, which the card describes and the probe does not test.
    machine.script(
        "agent",
        "systemd-run --user --scope --quiet \"--slice=$(printf 'a\\377b')\" -- true",
    );
    let lists = machine.agent(&["systemctl", "--user", "list-units"]).status.success();
    assert_eq!(lists, release.systemd() < 252);
    machine.script("agent", "systemctl --user stop 'a\\xffb.slice'; systemctl --user list-units");
}

/// How a person finds the processes of a slice: the documented command, and one that works.
fn a_slice_is_listed_by_user_unit_and_not_by_the_documented_command(release: Release) {
    let machine = Machine::boot(release);
    let script = r#"
        exec 2>&1 </dev/null
        setsid sh -c 'echo $$ >leader; exec systemd-run --user --scope --slice=agents --collect --quiet -- \
            sh -c "sleep 4241 & exec sleep 4242"' &
        until [ -s leader ] && [ "$(ps -o args= -g "$(cat leader)" | grep -c '^sleep 424')" = 2 ]; do :; done
        echo "documented $(systemd-cgls --user --unit agents.slice 2>/dev/null | grep -c 'sleep 424')"
        echo "by-user-unit $(systemd-cgls --user-unit agents.slice | grep -c 'sleep 424')"
        pkill -u agent -x sleep
        sh -c 'echo $$ >pid; exec systemd-run --user --scope --slice=agents --collect --quiet -- sleep 4243' &
        until systemd-cgls --user-unit agents.slice | grep -q 'sleep 4243'; do :; done
        echo "of-a-script $(ps -o args= -g $(cat pid) | grep -c '^sleep 4243')"
        kill $!
    "#;
    let printed = machine.script("agent", script);
    assert_eq!(printed, "documented 0\nby-user-unit 2\nof-a-script 0\n");
}
