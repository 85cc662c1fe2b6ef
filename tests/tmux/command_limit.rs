//! How much of a command reaches a pane.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

const ID: &str = "tmux-command-limit";

#[rstest]
fn a_command_that_is_too_long_opens_nothing_and_a_last_semicolon_is_lost(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let more_words = if release == Debian14 { "refused" } else { "taken" };
    let report = machine.check(&[ID]);
    report.assert_facts(
        ID,
        &[
            ("longest", "taken"),
            ("too-long", "refused"),
            ("thousand-words", "taken"),
            ("more-words", more_words),
            ("last-semicolon", "cut"),
            ("escaped-semicolon", "whole"),
            ("semicolon-inside-word", "whole"),
            ("semicolon-before-words", "run"),
        ],
    );
    assert_eq!(report.verdict(ID), "known");
}
