//! A systemd-run that behaves otherwise than any release: each probe notices it.

use crate::lab::Machine;
use crate::lab::Release::*;
use crate::lab::Report;

/// Runs the doctor with the script in its PATH.
const DIRECT: &str = "PATH=/stand-in:$PATH; exec \"$@\"";

/// Puts a script in front of a program of the machine.
#[track_caller]
fn install(machine: &Machine, program: &str, script: &str) {
    let install = "rm -rf /stand-in; mkdir /stand-in
         printf '#!/bin/sh\n%s\n' \"$2\" >/stand-in/$1; chmod 755 /stand-in/$1";
    let output = machine.root(&["sh", "-ec", install, "sh", program, script]);
    assert!(output.status.success(), "{output:?}");
}

/// Checks one probe with a script in front of the real systemd-run.
#[track_caller]
fn check_with(machine: &Machine, probe: &str, script: &str) -> Report {
    install(machine, "systemd-run", script);
    machine.check_in(DIRECT, &[probe])
}

/// Runs the command without a scope: the words after `--`.
const COMMAND: &str = "while [ \"$1\" != -- ]; do shift; done; shift\n";

#[test]
fn a_systemd_run_that_does_not_become_the_command_is_noticed() {
    let machine = Machine::boot(Debian13);
    let id = "scope-exec";
    let child = format!("{COMMAND}setsid --wait \"$@\" 7<&- || exit 127");
    let report = check_with(&machine, id, &child);
    let facts = [
        ("process", "child"),
        ("comm", "command"),
        ("cmdline", "as-given"),
        ("descriptors", "lost"),
        ("exit-status", "lost"),
        ("death", "lost"),
        ("signal", "lost"),
        ("own-failure", "other"),
        ("scope-child", "elsewhere"),
        ("unwrapped-child", "launcher"),
    ];
    report.assert_facts(id, &facts);
    assert_eq!((report.verdict(id), report.status), ("regressed", 0));

    let renamed = format!(
        "{COMMAND}cp /usr/bin/cat /tmp/systemd-run
         if [ \"$1\" = cat ]; then shift; exec /tmp/systemd-run \"$@\"; fi; exec \"$@\""
    );
    let report = check_with(&machine, id, &renamed);
    report.assert_facts(id, &[("comm", "systemd-run"), ("cmdline", "systemd-run")]);
    assert_eq!(report.verdict(id), "regressed");

    // A child that is moved out of its parent's cgroup.
    let moved = "exec systemd-run --user --scope --quiet --unit=moved-$$ -- /usr/bin/cat \"$@\"";
    install(&machine, "cat", moved);
    let report = machine.check_in(DIRECT, &[id]);
    report.assert_facts(id, &[("scope-child", "elsewhere"), ("unwrapped-child", "elsewhere")]);
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_systemd_run_that_changes_names_and_descriptions_is_noticed() {
    let machine = Machine::boot(Debian13);
    let id = "scope-name";
    // Removes the options for both from the words before `--`, and adds its own.
    let stand_in = "count=$#
         while [ $count -gt 0 ]; do
             word=$1; shift; count=$((count - 1))
             case $word in
                 --unit|--description) shift; count=$((count - 1)) ;;
                 *) set -- \"$@\" \"$word\" ;;
             esac
         done
         exec /usr/bin/systemd-run --quiet --unit=stand-in-$$ --description=none \"$@\"";
    let report = check_with(&machine, id, stand_in);
    let facts = [
        ("pattern", "other"),
        ("announced", "no"),
        ("unit", "changed"),
        ("description", "other"),
        ("own-description", "changed"),
    ];
    report.assert_facts(id, &facts);
    assert_eq!((report.verdict(id), report.status), ("regressed", 0));

    // The same names as those of other releases, each of them once.
    let over_bus = "PATH=/stand-in:$PATH; exec env -u XDG_RUNTIME_DIR \"$@\"";
    let named = |unit: &str| {
        install(
            &machine,
            "systemd-run",
            &format!("exec /usr/bin/systemd-run --unit={unit} \"$@\""),
        );
    };
    named("run-r$(printf %032x $$)");
    machine.check_in(DIRECT, &[id]).assert_facts(id, &[("pattern", "random")]);
    machine.check_in(over_bus, &[id]).assert_facts(id, &[("pattern-over-bus", "random")]);
    named("run-u$$");
    machine.check_in(DIRECT, &[id]).assert_facts(id, &[("pattern", "bus-name")]);
    named("agent-$$");
    machine.check_in(over_bus, &[id]).assert_facts(id, &[("pattern-over-bus", "other")]);
}

#[test]
fn a_systemd_run_that_treats_names_of_slices_otherwise_is_noticed() {
    let machine = Machine::boot(Debian13);
    let id = "slice-name";
    let refusing = "case $* in *plain.slice*) exec /usr/bin/systemd-run \"$@\" ;; esac; exit 1";
    let report = check_with(&machine, id, refusing);
    let facts = [
        ("no-suffix", "refused"),
        ("space", "refused"),
        ("newline", "refused"),
        ("percent", "refused"),
        ("dollar", "refused"),
        ("inner-slash", "refused"),
        ("empty", "refused"),
    ];
    report.assert_facts(id, &facts);
    assert_eq!((report.verdict(id), report.status), ("regressed", 0));

    // Prints the cgroup that a scope in the named slice would have.
    let print = "printf '0::/user@1000.service/%s.slice/a.scope\\n' \"${slice%.slice}\"";
    let slice = "for word; do case $word in --slice=*) slice=${word#--slice=} ;; esac; done";
    let taking = format!("slice=-\n{slice}\n[ \"$slice\" ] || slice=some\n{print}");
    let report = check_with(&machine, id, &taking);
    let facts = [
        ("plain", "taken"),
        ("no-suffix", "taken"),
        ("space", "taken"),
        ("percent", "taken"),
        ("dollar", "taken"),
        ("double-dash", "taken"),
        ("trailing-dash", "taken"),
        ("leading-dash", "taken"),
        ("other-type", "taken"),
        ("instance", "taken"),
        ("empty", "rewritten"),
    ];
    report.assert_facts(id, &facts);

    let rewriting = format!("slice=other\n{print}");
    let report = check_with(&machine, id, &rewriting);
    let facts = [
        ("plain", "rewritten"),
        ("no-suffix", "rewritten"),
        ("leading-slash", "rewritten"),
        ("double-dash", "rewritten"),
        ("trailing-dash", "rewritten"),
        ("leading-dash", "rewritten"),
        ("other-type", "rewritten"),
        ("instance", "rewritten"),
        ("long", "rewritten"),
        ("empty", "default"),
    ];
    report.assert_facts(id, &facts);

    let report = check_with(&machine, id, "exit 1");
    assert_eq!(report.verdict(id), "unmeasured", "without a slice that can be used");
}

#[test]
fn a_systemd_run_that_changes_words_of_the_command_is_noticed() {
    let machine = Machine::boot(Debian13);
    let id = "scope-argument-expansion";
    // The control prints one word, and the probe a mark before each of many.
    let words = |action: &str| {
        format!(
            "{COMMAND}if [ \"$1\" = printf ] && [ $# -gt 3 ]; then
                 shift 2; count=$#
                 while [ $count -gt 0 ]; do
                     word=$1; shift; count=$((count - 1))
                     if [ \"$word\" = @ ]; then set -- \"$@\" @; else {action}; fi
                 done
                 set -- printf '%s\\0' \"$@\"
             fi
             DOCTOR_COMMAND=: exec \"$@\""
        )
    };
    let report = check_with(&machine, id, &words(":"));
    let facts = [
        ("braces", "gone"),
        ("braces-unset", "gone"),
        ("braces-operator", "gone"),
        ("dollar-pair", "gone"),
        ("inner-variable", "gone"),
        ("whole-variable", "gone"),
        ("leading-variable", "gone"),
        ("substitution", "gone"),
        ("percent", "gone"),
        ("expand-no", "rewritten"),
        ("eval", "rewritten"),
    ];
    report.assert_facts(id, &facts);
    assert_eq!((report.verdict(id), report.status), ("regressed", 0));

    let report = check_with(&machine, id, &words("set -- \"$@\" \"$word.\""));
    let facts = [
        ("inner-variable", "rewritten"),
        ("leading-variable", "rewritten"),
        ("substitution", "rewritten"),
        ("percent", "rewritten"),
    ];
    report.assert_facts(id, &facts);
}

#[test]
fn a_systemd_run_that_finds_the_manager_in_another_way_is_noticed() {
    let machine = Machine::boot(Debian13);
    let id = "bus-address";
    let strict = "test \"$XDG_RUNTIME_DIR\" = /run/user/1000 &&
         test \"$DBUS_SESSION_BUS_ADDRESS\" = unix:path=/run/user/1000/bus";
    let report = check_with(&machine, id, strict);
    let facts = [
        ("scope-dir-alone", "refused"),
        ("scope-bus-alone", "refused"),
        ("scope-bus-wrong", "refused"),
        ("scope-bus-empty", "refused"),
        ("wait-dir-alone", "refused"),
        ("wait-bus-alone", "refused"),
        ("wait-dir-wrong", "refused"),
        ("wait-dir-empty", "refused"),
    ];
    report.assert_facts(id, &facts);
    assert_eq!((report.verdict(id), report.status), ("regressed", 0));

    let lenient = "test \"${XDG_RUNTIME_DIR-unset}\"";
    let report = check_with(&machine, id, lenient);
    let facts = [
        ("scope-neither", "starts"),
        ("wait-neither", "starts"),
        ("wait-bus-wrong", "starts"),
        ("wait-bus-empty", "starts"),
    ];
    report.assert_facts(id, &facts);

    let report = check_with(&machine, id, "exit 0");
    assert_eq!(report.verdict(id), "unmeasured", "a systemd-run that never fails starts nothing");
}
