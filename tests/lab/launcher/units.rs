//! Units after their launch: exit statuses, names, settings, and what is known after a failure.

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_launch_exits_with_zero_although_nothing_ran_unless_it_waits);
on_each_release!(after_collect_only_the_journal_shows_the_failure);
on_each_release!(the_name_of_a_unit_is_taken_while_it_runs_and_after_a_failure);
on_each_release!(options_end_at_the_command_and_a_scope_has_no_environment_property);
on_each_release!(a_service_inherits_nothing_from_its_caller_and_a_scope_everything);

/// Stops journald from storing entries.
const WITHOUT_JOURNAL: &str = "
    mkdir -p /etc/systemd/journald.conf.d
    printf '[Journal]\\nStorage=none\\n' >/etc/systemd/journald.conf.d/none.conf
    rm -r /var/log/journal
    systemctl restart systemd-journald";

/// Lets journald store entries again, and does not create the directory for it.
const JOURNAL_AGAIN: &str = "
    rm -r /etc/systemd/journald.conf.d
    systemctl restart systemd-journald";

fn a_launch_exits_with_zero_although_nothing_ran_unless_it_waits(release: Release) {
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
    let report = machine.check(&[id]);
    let summary = report.probe(id)["summary"].as_str().unwrap();
    // systemd.exec(5), "Process Exit Codes": 200 is EXIT_CHDIR, 203 is EXIT_EXEC.
    for part in [
        "0/1/200 for a missing working directory",
        "0/1/203 for a missing interpreter",
        "1/1/1 for a missing program",
    ] {
        assert!(summary.contains(part), "{summary}");
    }
}

#[test]
fn a_journal_that_cannot_be_read_gives_no_fact() {
    let machine = Machine::boot(Debian13);
    machine.script("root", WITHOUT_JOURNAL);
    let report = machine.check(&["unit-file-env"]);
    report.assert_facts("unit-file-env", &[("spaces", "cut"), ("journal", "")]);
    assert_eq!(report.verdict("unit-file-env"), "known");
}

fn after_collect_only_the_journal_shows_the_failure(release: Release) {
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
    // Before 259 journald does not create the directory, and stores entries in memory only.
    machine.script("root", JOURNAL_AGAIN);
    let report = machine.check(&[id]);
    if release < Debian14 {
        assert_eq!(report.verdict(id), "warn");
        machine.script("root", &report.fix(id).replace("sudo ", ""));
    }
    assert_eq!(machine.check(&[id]).verdict(id), "known");
}

fn the_name_of_a_unit_is_taken_while_it_runs_and_after_a_failure(release: Release) {
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

fn options_end_at_the_command_and_a_scope_has_no_environment_property(release: Release) {
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

fn a_service_inherits_nothing_from_its_caller_and_a_scope_everything(release: Release) {
    let machine = Machine::boot(release);
    let id = "service-environment";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("service-variable", "its-own"),
                ("service-path", "its-own"),
                ("service-nofile", "its-own"),
                ("service-umask", "its-own"),
                ("service-directory", "its-own"),
                ("service-descriptor", "its-own"),
                ("scope-variable", "the-callers"),
                ("scope-path", "the-callers"),
                ("scope-nofile", "the-callers"),
                ("scope-umask", "the-callers"),
                ("scope-directory", "the-callers"),
                ("scope-descriptor", "the-callers"),
                ("handed-variable", "the-callers"),
                ("handed-path", "the-callers"),
                ("handed-nofile", "the-callers"),
                ("handed-umask", "the-callers"),
                ("handed-directory", "the-callers"),
                ("handed-descriptor", ""),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }
}
