//! How much of a command reaches a pane.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_command_that_is_too_long_opens_nothing_and_a_last_semicolon_is_removed);

const LIMIT: FactCheck = FactCheck("tmux-command-limit");

fn a_command_that_is_too_long_opens_nothing_and_a_last_semicolon_is_removed(release: Release) {
    let machine = Machine::boot(release);
    let more_words = if release == Debian14 { "refused" } else { "taken" };
    let facts = [
        ("longest", "taken"),
        ("too-long", "refused"),
        ("thousand-words", "taken"),
        ("more-words", more_words),
        ("last-semicolon", "cut"),
        ("escaped-semicolon", "whole"),
        ("semicolon-inside-word", "whole"),
        ("semicolon-before-words", "run"),
    ];
    LIMIT.expect(&machine, "", &facts, "known");
}

#[test]
fn a_tmux_with_other_limits_or_another_syntax_is_noticed() {
    let machine = Machine::boot(Debian13);
    let lower_limits = "size=0; for word; do size=$((size + ${#word} + 1)); done\n\
                        [ $size -le 9000 ] && [ $# -le 900 ] || exit 1\n\
                        exec /usr/bin/tmux \"$@\"";
    LIMIT.expect(
        &machine,
        &with_program("tmux", lower_limits),
        &[("longest", "refused"), ("thousand-words", "refused")],
        "regressed",
    );
    let no_limit = "/usr/bin/tmux \"$@\" && exit\n\
                    words=(); for word; do words+=(\"$word\"); [ \"$word\" != -- ] || break; done\n\
                    exec /usr/bin/tmux \"${words[@]}\" cat";
    LIMIT.expect(&machine, &with_program("tmux", no_limit), &[("too-long", "taken")], "regressed");
    let map_words = |cases: &str| {
        format!(
            "words=(); for word; do case $word in {cases} esac; words+=(\"$word\"); done\n\
             exec /usr/bin/tmux \"${{words[@]}}\""
        )
    };
    LIMIT.expect(
        &machine,
        &with_program("tmux", &map_words(r"'a;') word='a\;' ;;")),
        &[("last-semicolon", "whole"), ("semicolon-before-words", "whole")],
        "regressed",
    );
    LIMIT.expect(
        &machine,
        &with_program("tmux", &map_words(r"'a;' | 'a\;' | 'a;b') word=a ;;")),
        &[
            ("semicolon-before-words", "cut"),
            ("escaped-semicolon", "cut"),
            ("semicolon-inside-word", "cut"),
        ],
        "regressed",
    );
}
