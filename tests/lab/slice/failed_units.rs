//! Units that the manager keeps as failed.

use super::assert_measured;
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(failed_units_are_listed_by_prefix_and_their_names_can_be_used_again_after_the_fix);

const FAILED: &str = "failed-units";

fn failed_units_are_listed_by_prefix_and_their_names_can_be_used_again_after_the_fix(
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let launch = |name: &str, command: &str| {
        let unit = format!("--unit={name}");
        machine.agent(&["systemd-run", "--user", "--quiet", "--wait", &unit, command])
    };
    let report = machine.check(&[FAILED]);
    assert_measured(&report, FAILED, &[("launched", "none"), ("from-files", "none")], "ok");
    // A unit that succeeds is unloaded, and so is one that fails with --collect.
    launch("fine", "true");
    machine.agent(&["systemd-run", "--user", "--quiet", "--wait", "--collect", "false"]);
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    for name in ["fanout-code", "fanout-infra", r"odd\x20name:1"] {
        launch(name, "false");
        assert!(!launch(name, "true").status.success(), "{name} is not in use");
    }
    let report = machine.check(&[FAILED]);
    assert_measured(&report, FAILED, &[("launched", "some"), ("from-files", "none")], "warn");
    assert!(report.probe(FAILED)["summary"].as_str().unwrap().contains("fanout-* (2)"));
    assert_eq!(report.fix(FAILED), "systemctl --user reset-failed");
    machine.script("agent", &report.fix(FAILED));
    assert_eq!(machine.check(&[FAILED]).verdict(FAILED), "ok");

    // Next to failed units with a file, only the launched ones are reset.
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
    assert_measured(&report, FAILED, &[("launched", "some"), ("from-files", "some")], "warn");
    assert_eq!(
        report.fix(FAILED),
        "systemctl --user reset-failed 'a?x*'\nsystemctl --user reset-failed lone.service"
    );
    machine.script("agent", &report.fix(FAILED));
    let report = machine.check(&[FAILED]);
    assert_measured(&report, FAILED, &[("launched", "none"), ("from-files", "some")], "ok");
    assert!(launch("lone", "true").status.success());
    assert_eq!(machine.check(&[FAILED, "--manager=system"]).verdict(FAILED), "ok");
}

#[test]
fn fifty_failed_units_count_as_many() {
    let machine = Machine::boot(Debian13);
    let launches = "for i in $(seq 50); do \
             systemd-run --user --quiet --unit=worker$i -p Type=oneshot false || :; \
         done; \"$@\"";
    let report = machine.check_in(launches, &[FAILED]);
    assert_measured(&report, FAILED, &[("launched", "many")], "warn");
}
