//! Units that the manager holds as failed.

use rstest::rstest;

use crate::assert_told;
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

const FAILED: &str = "failed-units";

#[rstest]
fn units_that_failed_are_told_by_prefix_and_their_names_are_free_after_the_fix(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let launch = |name: &str, command: &str| {
        let unit = format!("--unit={name}");
        machine.agent(&["systemd-run", "--user", "--quiet", "--wait", &unit, command])
    };
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "none"), ("from-files", "none")], "ok");
    // What succeeds is forgotten, and what fails with --collect, too.
    launch("fine", "true");
    machine.agent(&["systemd-run", "--user", "--quiet", "--wait", "--collect", "false"]);
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    for name in ["fanout-code", "fanout-infra", r"odd\x20name:1"] {
        launch(name, "false");
        assert!(!launch(name, "true").status.success(), "{name} is not taken");
    }
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "some"), ("from-files", "none")], "warn");
    assert!(report.probe(FAILED)["summary"].as_str().unwrap().contains("fanout-* (2)"));
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed");
    machine.script("agent", &report.fix(FAILED));
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    // Beside units with files, only what was launched is to be forgotten.
    machine.script(
        "agent",
        "mkdir -p ~/.config/systemd/user; cd ~/.config/systemd/user
         printf '[Service]\nExecStart=/bin/false\n' >timed.service
         systemctl --user daemon-reload; systemctl --user start --wait timed.service || :
         for name in 'a\\x20b-1' 'a\\x20b-2' lone; do
             systemd-run --user --quiet --wait --unit=\"$name\" false || :
         done",
    );
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "some"), ("from-files", "some")], "warn");
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed 'a?x*'");
    machine.script("agent", &report.fix(FAILED));
    let report = machine.check(&[FAILED]);
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed lone.service");
    machine.script("agent", &report.fix(FAILED));
    let report = machine.check(&[FAILED]);
    assert_told(&report, FAILED, &[("launched", "none"), ("from-files", "some")], "ok");
    assert!(launch("lone", "true").status.success());
    assert_eq!(machine.check(&[FAILED, "--manager=system"]).verdict(FAILED), "ok");
}

#[test]
fn a_heap_of_failed_units_is_told_as_one() {
    let machine = Machine::boot(Debian13);
    let heap = "for i in $(seq 50); do \
             systemd-run --user --quiet --unit=worker$i -p Type=oneshot false || :; \
         done; \"$@\"";
    let report = machine.check_in(heap, &[FAILED]);
    assert_told(&report, FAILED, &[("launched", "many")], "warn");
}
