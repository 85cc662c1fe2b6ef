//! Whether a wrapped pane lives in the slice for which it was wrapped.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

const ID: &str = "tmux-wrapped-pane";

#[rstest]
fn a_wrapped_pane_is_in_the_slice_unless_tmux_moves_it_after_its_wrapper(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let wrapper_first = match release {
        Debian12Backports | Debian13 => "outside",
        Debian11 | Debian12 | Debian14 => "inside",
    };
    let report = machine.check(&[ID]);
    report.assert_facts(
        ID,
        &[
            ("unwrapped", "outside"),
            ("tmux-first", "inside"),
            ("wrapper-first", wrapper_first),
            ("server-in-slice", "inside"),
        ],
    );
    assert_eq!(report.verdict(ID), "known");
    let left = "systemctl --user list-units --all --no-legend 'launch*' 'tmux-*'; ls /tmp; \
                ps -u agent -o args";
    let left = machine.script("agent", left);
    for residue in ["launch_doctor", "tmux-spawn", "wait-for"] {
        assert!(!left.contains(residue), "{left}");
    }
}
