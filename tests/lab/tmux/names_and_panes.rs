//! The targets of tmux commands, the names of sessions, and the directory and end of a pane.

use super::fact_check::{FactCheck, with_program};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_tmux!(targets_names_directories_and_ends_are_as_recorded);

const MATCH: FactCheck = FactCheck("tmux-target-match");
const NAME: FactCheck = FactCheck("tmux-session-name");
const START: FactCheck = FactCheck("tmux-start-directory");
const DEAD: FactCheck = FactCheck("tmux-dead-status");

fn targets_names_directories_and_ends_are_as_recorded(release: Release) {
    let machine = Machine::boot(release);
    let targets = [
        ("has-session", "other"),
        ("exact-has-session", "refused"),
        ("kill-session", "other"),
        ("exact-kill-session", "refused"),
    ];
    MATCH.expect(&machine, "", &targets, "known");
    let (name, empty) = match release {
        Debian11 => ("refused", "refused"),
        Debian12 | Debian12Backports | Debian13 => ("replaced", "refused"),
        _ => ("kept", "accepted"),
    };
    let names = [("dot", name), ("colon", name), ("empty", empty)];
    NAME.expect(&machine, "", &names, "known");
    let place = if release == Debian12 { "elsewhere" } else { "home" };
    let directories = [("new-window", place), ("new-session", place)];
    START.expect(&machine, "", &directories, "known");
    let signal = if release == Debian11 { "empty" } else { "shown" };
    let ends = [("killed", "empty"), ("shell", "shown"), ("signal", signal)];
    DEAD.expect(&machine, "", &ends, "known");
}

#[test]
fn a_tmux_with_exact_targets_free_names_and_other_ends_is_noticed() {
    let machine = Machine::boot(Debian13);
    let exact = "words=(); for word; do [ \"$word\" != agent-1 ] || word==agent-1; words+=(\"$word\"); done\n\
                 exec /usr/bin/tmux \"${words[@]}\"";
    let refused = [("has-session", "refused"), ("kill-session", "refused")];
    MATCH.expect(&machine, &with_program("tmux", exact), &refused, "relaxable");
    let no_equals = "words=(); for word; do words+=(\"${word#=}\"); done\n\
                     exec /usr/bin/tmux \"${words[@]}\"";
    MATCH.expect(
        &machine,
        &with_program("tmux", no_equals),
        &[("exact-has-session", "other"), ("exact-kill-session", "other")],
        "regressed",
    );
    let replace = "words=(); for word; do words+=(\"${word//[.:]/_}\"); done\n\
                   [ \"$5\" != has-session ] || exec /usr/bin/tmux \"${words[@]}\"\n\
                   exec /usr/bin/tmux \"$@\"";
    let found = [("dot-target", "found"), ("colon-target", "found")];
    NAME.expect(&machine, &with_program("tmux", replace), &found, "relaxable");
    let refuse = "case $* in *-c\\ */missing\\ *) echo no such directory >&2; exit 1 ;; esac\n\
                  exec /usr/bin/tmux \"$@\"";
    let refused = [("new-window", "refused"), ("new-session", "refused")];
    START.expect(&machine, &with_program("tmux", refuse), &refused, "relaxable");
    let root = "words=(); for word; do case $word in */missing) word=/ ;; esac; words+=(\"$word\"); done\n\
                exec /usr/bin/tmux \"${words[@]}\"";
    START.expect(
        &machine,
        &with_program("tmux", root),
        &[("new-window", "elsewhere")],
        "regressed",
    );
    let show = "case $* in *list-panes*) /usr/bin/tmux \"$@\" | sed 's/ killed 1 \\[\\]/ killed 1 [137]/'; exit ;; esac\n\
                exec /usr/bin/tmux \"$@\"";
    DEAD.expect(&machine, &with_program("tmux", show), &[("killed", "shown")], "relaxable");
    let hide = "case $* in *list-panes*) /usr/bin/tmux \"$@\" | sed 's/ shell 1 \\[137\\]/ shell 1 []/'; exit ;; esac\n\
                exec /usr/bin/tmux \"$@\"";
    DEAD.expect(&machine, &with_program("tmux", hide), &[("shell", "empty")], "regressed");
}
