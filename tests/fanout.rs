//! Whether a fan-out is one, and what the journal keeps of it.

mod lab;

use lab::Release::*;
use lab::{Machine, Release};
use rstest::rstest;

#[rstest]
fn units_launched_at_once_run_together_unless_configuration_makes_them_skip(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    for fleet in ["6", "32"] {
        let report = machine.check(&["fanout-parallel", "--fleet", fleet]);
        let all = [("launched", "all"), ("ran", "all"), ("together", "all")];
        report.assert_facts("fanout-parallel", &all);
        assert_eq!(report.verdict("fanout-parallel"), "ok");
    }

    // Every unit but the first skips, as in the first document: nothing fails, nothing runs.
    machine.script(
        "agent",
        r#"mkdir -p ~/.config/systemd/user/service.d
           printf '[Service]\nExecCondition=mkdir %%t/only-one\n' >~/.config/systemd/user/service.d/skip.conf
           systemctl --user daemon-reload"#,
    );
    let report = machine.check(&["fanout-parallel"]);
    let skipped = [("launched", "some"), ("ran", "some"), ("together", "some")];
    report.assert_facts("fanout-parallel", &skipped);
    assert_eq!(report.verdict("fanout-parallel"), "regressed");

    let report = machine.check(&["fanout-parallel"]);
    let reason = report.probe("fanout-parallel")["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("none of 6 launches worked"), "{reason}");
    let plain = machine.agent(&["systemd-run", "--user", "--quiet", "--collect", "true"]);
    assert!(plain.status.success(), "without --wait nobody hears of it");
}

#[rstest]
#[case(Debian11, "there", "ok")]
#[case(Debian12, "missing", "known")]
#[case(Debian12Backports, "missing", "known")]
#[case(Debian13, "missing", "known")]
#[case(Debian14, "missing", "known")]
fn the_end_of_a_unit_that_succeeded_is_in_the_users_journal_until_systemd_248_4(
    #[case] release: Release,
    #[case] end: &str,
    #[case] verdict: &str,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["journal-ends"]);
    let facts =
        [("start", "there"), ("end", end), ("oneshot-end", "there"), ("failed-end", "there")];
    report.assert_facts("journal-ends", &facts);
    assert_eq!(report.verdict("journal-ends"), verdict);
}
