//! Whether a wrapped pane is in the slice for which it was wrapped.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_wrapped_pane_is_in_the_slice_unless_tmux_moves_it_after_its_wrapper);

const WRAPPED: FactCheck = FactCheck("tmux-wrapped-pane");

fn a_wrapped_pane_is_in_the_slice_unless_tmux_moves_it_after_its_wrapper(release: Release) {
    let machine = Machine::boot(release);
    let (wrapper_first, requested_by) = match release {
        Debian11 | Debian12 => ("inside", ("requested-by", "none")),
        Debian12Backports | Debian13 => ("outside", ("requested-by", "server")),
        _ => ("inside", ("requested-by", "pane")),
    };
    let facts = [
        ("unwrapped", "outside"),
        ("tmux-first", "inside"),
        ("wrapper-first", wrapper_first),
        ("server-in-slice", "inside"),
        requested_by,
    ];
    WRAPPED.expect(&machine, "", &facts, "known");
    let list = "systemctl --user list-units --all --no-legend 'launch*' 'tmux-*'; ls /tmp; \
                ps -u agent -o args";
    let left = machine.script("agent", list);
    for residue in ["launch_doctor", "tmux-spawn", "wait-for"] {
        assert!(!left.contains(residue), "{left}");
    }
}

#[test]
fn a_systemd_run_without_slices_and_a_tmux_that_wraps_every_pane_are_noticed() {
    let machine = Machine::boot(Debian12);
    let ignore_slice = "words=(); for word; do case $word in --slice=*) ;; *) words+=(\"$word\") ;; esac; done\n\
                        exec /usr/bin/systemd-run \"${words[@]}\"";
    WRAPPED.expect(
        &machine,
        &with_program("systemd-run", ignore_slice),
        &[("tmux-first", "outside"), ("server-in-slice", "outside")],
        "regressed",
    );
    let wrap_all = "for word; do case $word in --slice=*) slice=$word ;; esac; done\n\
                    words=(); last=\n\
                    for word; do\n\
                    words+=(\"$word\")\n\
                    [ \"$last $word\" != 'unwrapped --' ] || words+=(systemd-run --user --scope \"$slice\" --collect --quiet --)\n\
                    last=$word\n\
                    done\n\
                    exec /usr/bin/tmux \"${words[@]}\"";
    WRAPPED.expect(
        &machine,
        &with_program("tmux", wrap_all),
        &[("unwrapped", "inside")],
        "relaxable",
    );
}
