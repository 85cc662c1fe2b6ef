//! What becomes of a unit, and of what its launch tells.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};
use crate::{WITH_OTHER, with_systemd_run};

/// Has nothing written to a journal any more.
const WITHOUT_JOURNAL: &str = "
    mkdir -p /etc/systemd/journald.conf.d
    printf '[Journal]\\nStorage=none\\n' >/etc/systemd/journald.conf.d/none.conf
    rm -r /var/log/journal
    systemctl restart systemd-journald";

/// Has a journal written again, and does not make its directory.
const JOURNAL_AGAIN: &str = "
    rm -r /etc/systemd/journald.conf.d
    systemctl restart systemd-journald";

#[rstest]
fn a_launch_exits_with_zero_though_nothing_ran_unless_it_waits(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "launch-status";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("plain-interpreter", "zero"),
                ("plain-directory", "zero"),
                ("plain-program", "nonzero"),
                ("exec-interpreter", "nonzero"),
                ("exec-directory", "nonzero"),
                ("exec-program", "nonzero"),
                ("wait-interpreter", "nonzero"),
                ("wait-directory", "nonzero"),
                ("wait-program", "nonzero"),
                ("wait-status", "the-same"),
                ("afterwards", "failed"),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }
    // The status of the failure is in the summary: 200 for the directory, 203 for the interpreter.
    let report = machine.check(&[id]);
    let summary = report.probe(id)["summary"].as_str().unwrap();
    assert!(
        summary.contains("directory: 0/1/200; interpreter: 0/1/203; program: 1/1/1"),
        "{summary}"
    );
}

#[test]
fn a_systemd_run_that_waits_for_the_program_by_itself_is_seen() {
    let machine = Machine::boot(Debian14);
    // What NEWS 240 announced: Type=exec without being asked.
    with_systemd_run(&machine, "--user) set -- \"$@\" --user -p Type=exec; continue ;;");
    let report = machine.check_in(WITH_OTHER, &["launch-status"]);
    report.assert_facts(
        "launch-status",
        &[("plain-interpreter", "nonzero"), ("plain-directory", "nonzero")],
    );
    assert_eq!(report.verdict("launch-status"), "relaxable");

    with_systemd_run(
        &machine,
        "7) ;; 'exit 7') word='exit 8' ;; */startable) sed -i s/7/8/ \"$word\" ;;",
    );
    let report = machine.check_in(WITH_OTHER, &["launch-status"]);
    report.assert_facts("launch-status", &[("wait-status", "another")]);

    with_systemd_run(&machine, "*plain-directory*) set -- \"$@\" --collect ;;");
    let report = machine.check_in(WITH_OTHER, &["launch-status"]);
    report.assert_facts("launch-status", &[("afterwards", "forgotten")]);
    assert_eq!(report.verdict("launch-status"), "regressed");
}

#[test]
fn of_a_journal_that_cannot_be_read_nothing_is_said() {
    let machine = Machine::boot(Debian13);
    machine.script("root", WITHOUT_JOURNAL);
    let report = machine.check(&["unit-file-env"]);
    report.assert_facts("unit-file-env", &[("spaces", "cut"), ("journal", "")]);
    assert_eq!(report.verdict("unit-file-env"), "known");
}

#[rstest]
fn of_a_failed_unit_that_was_collected_only_the_journal_knows(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "collect-forgets";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("is-failed", "not-failed"),
                ("result", "success"),
                ("kept-is-failed", "failed"),
                ("kept-result", "failure"),
                ("wait-status", "the-same"),
                ("journal", "found"),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }

    machine.script("root", WITHOUT_JOURNAL);
    let report = machine.check(&[id]);
    report.assert_facts(id, &[("journal", "missing"), ("is-failed", "not-failed")]);
    assert_eq!(report.verdict(id), "warn");
    // Without the directory a journal is kept in memory only, until systemd makes the directory.
    machine.script("root", JOURNAL_AGAIN);
    let report = machine.check(&[id]);
    if release < Debian14 {
        assert_eq!(report.verdict(id), "warn");
        machine.script("root", &report.fix(id).replace("sudo ", ""));
    }
    assert_eq!(machine.check(&[id]).verdict(id), "known");
}

#[test]
fn a_unit_that_is_not_collected_is_seen() {
    let machine = Machine::boot(Debian14);
    with_systemd_run(&machine, "--collect) continue ;;");
    let report = machine.check_in(WITH_OTHER, &["collect-forgets"]);
    report.assert_facts("collect-forgets", &[("is-failed", "failed"), ("result", "failure")]);
    assert_eq!(report.verdict("collect-forgets"), "relaxable");
}

#[rstest]
fn the_name_of_a_unit_is_taken_while_it_runs_and_after_a_failure(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "unit-name-taken";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("running", "taken"),
                ("first", "goes-on"),
                ("succeeded", "free"),
                ("failed", "taken"),
                ("collected", "free"),
                ("reset", "free"),
                ("file", "taken"),
                ("scope", "taken"),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }
}

#[test]
fn a_launch_that_takes_the_place_of_the_first_unit_is_seen() {
    let machine = Machine::boot(Debian14);
    let replace = r#"--unit=*running.service) case "$*" in *true*) systemctl --user stop "${word#*=}" ;; esac ;;"#;
    with_systemd_run(&machine, replace);
    let report = machine.check_in(WITH_OTHER, &["unit-name-taken"]);
    report.assert_facts("unit-name-taken", &[("running", "free"), ("first", "disturbed")]);
    assert_eq!(report.verdict("unit-name-taken"), "regressed");
}

#[rstest]
fn options_end_at_the_command_and_a_scope_has_no_environment_property(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "option-order";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("before", "delivered"),
                ("separate", "delivered"),
                ("behind", "argument"),
                ("scope-behind", "argument"),
                ("scope-setenv", "delivered"),
                ("scope-property", "rejected"),
                ("scope-exit", "nonzero"),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }
}

#[test]
fn a_systemd_that_leaves_a_property_of_a_scope_out_is_seen() {
    let machine = Machine::boot(Debian14);
    with_systemd_run(&machine, "Environment=*) word=Description=scope ;;");
    let report = machine.check_in(WITH_OTHER, &["option-order"]);
    report.assert_facts("option-order", &[("scope-property", "dropped"), ("scope-exit", "zero")]);
    assert_eq!(report.verdict("option-order"), "regressed");
}

#[rstest]
fn a_service_gets_nothing_of_its_callers_surroundings_and_a_scope_all(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "service-environment";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        for gift in ["variable", "path", "nofile", "umask", "directory", "descriptor"] {
            assert_eq!(report.fact(id, &format!("service-{gift}")), "its-own", "{gift}");
            assert_eq!(report.fact(id, &format!("scope-{gift}")), "the-callers", "{gift}");
            let handed = if gift == "descriptor" { "" } else { "the-callers" };
            assert_eq!(report.fact(id, &format!("handed-{gift}")), handed, "{gift}");
        }
        assert_eq!(report.verdict(id), "known");
    }
}
