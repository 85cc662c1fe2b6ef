//! Scopes whose pane was closed or runs something else now, and scopes of which that is not known.

use super::{rows, scopes};
use crate::lab::{Machine, Release};

on_each_release!(a_scope_has_lost_its_pane_if_that_was_closed_or_runs_another_command: Debian11, Debian14);

const CHECK: &str = "slice-orphans";
/// Makes scopes in panes, and takes the panes from them. Each agent ignores the signal that a closed terminal sends.
const LOSE: &str = r#"
    printf '#!/bin/bash\ntrap "" HUP\nwhile :; do sleep 1000; done\n' >~/agent; chmod +x ~/agent
    launch='exec systemd-run --user --scope --quiet --slice=agents.slice --unit'
    tmux -f /dev/null new-session -d -s chief cat
    # The session that is called like the last one keeps another window.
    for name in closed kept chief; do tmux new-window -d -t chief: -n $name "$launch=$name ~/agent"; done
    tmux new-session -d -s again "$launch=respawned ~/agent"
    for unit in closed kept chief respawned; do
        until systemctl --user is-active --quiet $unit.scope; do :; done
    done
    tmux kill-window -t chief:closed; tmux kill-window -t chief:chief
    tmux respawn-pane -k -t again: cat
"#;
/// Runs doctor in a scope of the slice, which its caller needs.
const INSIDE: &str =
    "exec systemd-run --user --scope --quiet --slice=agents.slice --unit=inside \"$@\"";
/// A scope of the system's manager with a process of another user.
const THEIRS: &str = "systemd-run --scope --quiet --slice=agents.slice --unit=theirs --uid=agent \
                      setsid --fork sleep 1000 >/dev/null 2>&1";

fn orphans(machine: &Machine) -> Vec<String> {
    let (_, found) = scopes(machine, &["--slice=agents", "--orphans"]);
    let mut units: Vec<String> = rows(&found).into_iter().map(|(unit, ..)| unit).collect();
    units.sort();
    units
}

fn a_scope_has_lost_its_pane_if_that_was_closed_or_runs_another_command(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script("agent", LOSE);
    let lost = ["chief.scope", "closed.scope", "respawned.scope"];
    assert_eq!(orphans(&machine), lost);
    let report = machine.check_in(INSIDE, &[CHECK, "--slice=agents"]);
    report.assert_facts(CHECK, &[("orphans", "some")]);
    let stops = lost.map(|unit| format!("systemctl --user stop {unit}")).join("\n");
    assert_eq!(report.fix(CHECK), stops);

    machine.script("root", THEIRS);
    let report = machine.check_system(&[CHECK, "--slice=agents"]);
    assert_eq!(report.verdict(CHECK), "unmeasured", "{:#}", report.probe(CHECK));
    machine.script("root", "systemctl stop theirs.scope");

    machine.script("agent", &stops);
    assert_eq!(orphans(&machine), [""; 0]);
    machine.check(&[CHECK, "--slice=agents"]).assert_facts(CHECK, &[("orphans", "none")]);
}
