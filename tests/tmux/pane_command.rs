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

/// A tmux in whose answers the last words of a pane are missing so many times.
const FORGETFUL: &str = r#"mkdir bin; cat >bin/tmux <<'END'
#!/bin/sh
case $* in
*capture-pane*-S*) echo >>"$FORGOTTEN"; [ "$(wc -l <"$FORGOTTEN")" -gt "$TIMES" ] || exit 0 ;;
esac
exec /usr/bin/tmux "$@"
END
chmod 755 bin/tmux
FORGOTTEN=$PWD/forgotten PATH=$PWD/bin:$PATH "$@"
"#;

#[rstest]
#[case("1", "shown", "known")]
#[case("9", "missing", "regressed")]
fn last_words_that_tmux_has_lost_are_asked_for_again(
    #[case] times: &str,
    #[case] all: &str,
    #[case] verdict: &str,
) {
    let machine = Machine::boot(Debian14);
    let report = machine.check_in(&format!("export TIMES={times}; {FORGETFUL}"), &[ID]);
    report.assert_facts(ID, &[("capture", "missing"), ("capture-all", all)]);
    assert_eq!(report.verdict(ID), verdict);
}
