//! A journal that does not show the user what the manager writes.

use super::{apply_fix, assert_state};
use crate::lab::Release::{self, Debian11};
use crate::lab::{Machine, Report};

on_each_release!(a_journal_without_the_managers_lines_is_found_and_the_fix_brings_them_back: Debian11, Debian14);

const ID: &str = "journal-usable";

/// Writes a drop-in of journald and starts journald with it. The tests do that more often than its start
/// limit allows.
pub(super) fn configure(machine: &Machine, settings: &str) {
    machine.script(
        "root",
        &format!(
            "rm -rf /etc/systemd/journald.conf.d; mkdir /etc/systemd/journald.conf.d
             printf '[Journal]\\n{settings}\\n' >/etc/systemd/journald.conf.d/10-test.conf
             systemctl reset-failed systemd-journald.service; systemctl restart systemd-journald.service"
        ),
    );
}

/// Asserts a state that journald's configuration makes, and that the fix ends it.
#[track_caller]
fn assert_found_and_fixed(machine: &Machine, settings: &str, fact: (&str, &str), sentence: &str) {
    configure(machine, settings);
    assert_fixed(machine, fact, "warn", sentence);
}

#[track_caller]
fn assert_fixed(machine: &Machine, fact: (&str, &str), verdict: &str, sentence: &str) -> Report {
    let report = machine.check(&[ID]);
    assert_state(&report, ID, fact, verdict, sentence);
    assert!(!report.fix(ID).contains("/var/log/journal"), "{}", report.fix(ID));
    apply_fix(machine, &report, ID);
    let report = machine.check(&[ID]);
    assert_eq!(report.verdict(ID), "ok", "{fact:?}: {:#}", report.probe(ID));
    report
}

fn a_journal_without_the_managers_lines_is_found_and_the_fix_brings_them_back(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let report = machine.check(&[ID]);
    assert_state(&report, ID, ("usable", "yes"), "ok", "the journal shows what the user manager");
    report.assert_facts(ID, &[("dropped", "unreadable")]);
    let report = machine.check_system(&[ID]);
    assert_state(&report, ID, ("usable", "yes"), "ok", "");
    report.assert_facts(ID, &[("dropped", "none")]);

    a_rate_limit_that_drops_lines_is_found(&machine);
    each_configuration_without_a_journal_is_found(&machine);
    each_fault_of_journald_is_found(&machine);
    each_level_that_hides_lines_is_found(&machine);

    machine.script(
        "root",
        "useradd --uid 900 --create-home low; loginctl enable-linger low; systemctl start user@900.service",
    );
    let report = machine.check_as("low", "exec \"$@\"", &[ID]);
    let sentence = "low has no journal: the uid 900 is below 1000";
    assert_state(&report, ID, ("usable", "system-uid"), "warn", sentence);
    assert_eq!(report.fix(ID), "");
}

/// One unit prints more than the limit, and the start of another unit is lost. The limit of the chatty unit
/// itself does not matter. It prints more than its socket holds, so when it ends journald has read most of it.
fn a_rate_limit_that_drops_lines_is_found(machine: &Machine) {
    let flood = |lines: u32| {
        format!(
            "systemd-run --user --quiet --wait --property=LogRateLimitIntervalSec=0 -- seq {lines}"
        )
    };
    configure(machine, "RateLimitIntervalSec=2min\\nRateLimitBurst=100");
    machine.script("agent", &flood(100_000));
    let sentence = "journald drops what the user manager writes";
    assert_fixed(machine, ("usable", "rate-limited"), "warn", sentence);

    // Once the interval is over, journald notes what it dropped, in the system's journal.
    configure(machine, "RateLimitIntervalSec=1s\\nRateLimitBurst=100");
    machine.script("root", "usermod --append --groups systemd-journal agent");
    machine.script(
        "agent",
        &format!(
            "until journalctl --system --quiet MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e | grep -q .
             do {}; done",
            flood(3000)
        ),
    );
    let report = assert_fixed(machine, ("dropped", "some"), "warn", "");
    report.assert_facts(ID, &[("dropped", "before-change"), ("usable", "yes")]);
    machine.script("root", "gpasswd --delete agent systemd-journal");
}

fn each_configuration_without_a_journal_is_found(machine: &Machine) {
    let sentence = "the journal is kept in memory (Storage=volatile)";
    assert_found_and_fixed(machine, "Storage=volatile", ("usable", "volatile"), sentence);
    let sentence = "no journal is kept (Storage=none)";
    assert_found_and_fixed(machine, "Storage=none", ("usable", "storage-none"), sentence);
    let sentence = "the journal does not show agent what the user manager writes: not-split";
    assert_found_and_fixed(machine, "SplitMode=none", ("usable", "not-split"), sentence);

    // That of Debian 14 creates the directory when it starts.
    if machine.release() == Debian11 {
        configure(machine, "Storage=auto");
        machine.script("root", "mv /var/log/journal /var/log/journal.off");
        configure(machine, "Storage=auto");
        assert_fixed(
            machine,
            ("usable", "no-directory"),
            "warn",
            "the journal does not show agent",
        );
    }
    configure(machine, "Storage=auto");
    machine.script("root", "journalctl --relinquish-var");
    assert_fixed(machine, ("usable", "not-flushed"), "warn", "the journal does not show agent");

    configure(machine, "Storage=volatile");
    let report = machine.check_system(&[ID]);
    assert_state(&report, ID, ("usable", "lost-at-reboot"), "warn", "the journal is in memory");
    configure(machine, "Storage=auto");
    machine.script("root", "journalctl --flush");
}

fn each_fault_of_journald_is_found(machine: &Machine) {
    machine.script("root", "systemctl stop 'systemd-journald*.socket' systemd-journald.service");
    let sentence = "systemd-journald is not running";
    assert_fixed(machine, ("usable", "journald-down"), "fail", sentence);

    machine.script("root", "chmod g-r /var/log/journal/*/user-1000*.journal");
    let report = machine.check(&[ID]);
    assert_state(&report, ID, ("usable", "unreadable"), "warn", "");
    machine.script("root", "chmod g+r /var/log/journal/*/user-1000*.journal");

    let silent =
        "mkdir -p ~/bin; printf '#!/bin/sh\n' >~/bin/journalctl; chmod 755 ~/bin/journalctl
                  PATH=~/bin:$PATH exec \"$@\"";
    let report = machine.check_in(silent, &[ID]);
    assert_state(&report, ID, ("usable", "other"), "warn", "");
}

fn each_level_that_hides_lines_is_found(machine: &Machine) {
    machine.script("agent", "systemctl --user log-level notice");
    assert_fixed(machine, ("usable", "manager-log-level"), "warn", "");
    machine.script(
        "agent",
        "mkdir -p ~/.config/systemd/user/service.d; cd ~/.config/systemd/user/service.d
         printf '[Service]\nLogLevelMax=warning\n' >quiet.conf; systemctl --user daemon-reload",
    );
    let report = machine.check(&[ID]);
    // systemd 247 does not apply it to what the manager writes.
    let (fact, verdict) = match machine.release() {
        Debian11 => (("usable", "yes"), "ok"),
        _ => (("usable", "unit-log-level"), "warn"),
    };
    assert_state(&report, ID, fact, verdict, "");
    machine
        .script("agent", "rm -r ~/.config/systemd/user/service.d; systemctl --user daemon-reload");
}
