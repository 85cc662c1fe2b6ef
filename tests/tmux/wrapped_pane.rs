//! Whether a wrapped pane lives in the slice for which it was wrapped.

use rstest::rstest;

use crate::lab::{Machine, Release};

const ID: &str = "tmux-wrapped-pane";

#[rstest]
fn a_wrapped_pane_is_in_the_slice_unless_tmux_moves_it_after_its_wrapper(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    let wrapper_first = match release {
        Release::Debian12Backports | Release::Debian13 => "outside",
        Release::Debian11 | Release::Debian12 | Release::Debian14 => "inside",
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
