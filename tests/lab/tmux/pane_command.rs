//! The command name and the captured text of a wrapped pane.

use rstest::rstest;

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(
    a_wrapped_pane_is_called_systemd_run_before_its_command_runs_and_after_a_failed_launch
);

const COMMAND: FactCheck = FactCheck("tmux-pane-command");

fn a_wrapped_pane_is_called_systemd_run_before_its_command_runs_and_after_a_failed_launch(
    release: Release,
) {
    let machine = Machine::boot(release);
    let facts = [
        ("starting", "systemd-run"),
        ("exec", "agent"),
        ("shell", "shell"),
        ("failed", "systemd-run"),
        ("capture", "missing"),
        ("capture-all", "shown"),
    ];
    COMMAND.expect(&machine, "", &facts, "known");
}

#[rstest]
#[case("1", "shown", "known")]
#[case("9", "missing", "regressed")]
fn a_launch_is_repeated_when_tmux_loses_the_last_output_of_its_pane(
    #[case] losses: &str,
    #[case] captured: &str,
    #[case] verdict: &str,
) {
    let machine = Machine::boot(Debian14);
    let lose = "case $* in\n\
                *capture-pane*-S*) echo >>\"$LOST\"; [ \"$(wc -l <\"$LOST\")\" -gt \"$LOSSES\" ] || exit 0 ;;\n\
                esac\n\
                exec /usr/bin/tmux \"$@\"";
    let script = format!("export LOSSES={losses} LOST=$PWD/lost; {}", with_program("tmux", lose));
    let facts = [("capture", "missing"), ("capture-all", captured)];
    COMMAND.expect(&machine, &script, &facts, verdict);
}

#[test]
fn a_tmux_with_other_command_names_or_captures_is_noticed() {
    let machine = Machine::boot(Debian13);
    let renamed = |expression: &str| {
        let body = format!(
            "case $* in *list-panes*) /usr/bin/tmux \"$@\" | sed -E '{expression}'; exit ;; esac\n\
             exec /usr/bin/tmux \"$@\""
        );
        with_program("tmux", &body)
    };
    COMMAND.expect(
        &machine,
        &renamed("s/ (systemd-run|sh)$/ cat/"),
        &[("starting", "agent"), ("shell", "agent"), ("failed", "agent")],
        "regressed",
    );
    COMMAND.expect(
        &machine,
        &renamed("s/ (systemd-run|cat)$/ sh/"),
        &[("starting", "shell"), ("exec", "shell"), ("failed", "shell")],
        "regressed",
    );
    COMMAND.expect(
        &machine,
        &renamed("s/ (sh|cat)$/ systemd-run/"),
        &[("exec", "systemd-run"), ("shell", "systemd-run")],
        "regressed",
    );
    let with_history = "case $* in *capture-pane*-S*) ;; *capture-pane*) set -- \"$@\" -S - ;; esac\n\
                        exec /usr/bin/tmux \"$@\"";
    COMMAND.expect(
        &machine,
        &with_program("tmux", with_history),
        &[("capture", "shown")],
        "regressed",
    );
    let no_output = "case $* in *capture-pane*) exit 0 ;; esac\nexec /usr/bin/tmux \"$@\"";
    COMMAND.expect(
        &machine,
        &with_program("tmux", no_output),
        &[("capture-all", "missing")],
        "regressed",
    );
}

/// With job control a shell gives its child a foreground process group of its own.
#[test]
fn an_agent_in_a_foreground_process_group_of_its_own_is_named() {
    let machine = Machine::boot(Debian13);
    let job_control = "words=(); for word; do words+=(\"$word\"); [ \"$word\" != sh ] || words+=(-m); done\n\
                       exec /usr/bin/systemd-run \"${words[@]}\"";
    COMMAND.expect(
        &machine,
        &with_program("systemd-run", job_control),
        &[("exec", "agent"), ("shell", "agent")],
        "regressed",
    );
}
