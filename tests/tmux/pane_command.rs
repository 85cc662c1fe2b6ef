//! What tmux tells of a wrapped pane.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

const ID: &str = "tmux-pane-command";

#[rstest]
fn a_wrapped_pane_is_called_systemd_run_before_and_after_its_life_only(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&[ID]);
    report.assert_facts(
        ID,
        &[
            ("starting", "systemd-run"),
            ("exec", "agent"),
            ("shell", "shell"),
            ("failed", "systemd-run"),
            ("capture", "missing"),
            ("capture-all", "shown"),
        ],
    );
    assert_eq!(report.verdict(ID), "known");
}
