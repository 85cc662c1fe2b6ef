//! What a flood of lines erases. It fills a journal, so the measurement is a program of the lab.

use serde_json::Value;

use super::journal::configure;
use crate::lab::Release::Debian13;
use crate::lab::lab_only::{self, assert_facts};
use crate::lab::{Machine, Release};

on_each_release!(a_flood_by_one_unit_erases_what_the_journal_has_of_others);

/// As the measurement needs it, and as it is without a limit.
const LIMITED: &str = r"RateLimitIntervalSec=2s\nRateLimitBurst=100";
const UNLIMITED: &str = r"RateLimitIntervalSec=2s\nRateLimitBurst=100\nRateLimitIntervalSec=0";

fn a_flood_by_one_unit_erases_what_the_journal_has_of_others(release: Release) {
    let machine = boot(release);
    assert_eq!(measure(&machine, "")["reason"], "journald.conf has no RateLimitIntervalSec=2s");

    configure(&machine, LIMITED);
    let report = measure(&machine, "");
    let expected = [
        ("success", "missing"),
        ("failure", "there"),
        ("suppressed", "missing"),
        ("own-setting", "missing"),
        ("output-to-file", "there"),
    ];
    assert_facts(&report, &expected);
    assert_eq!(report["verdict"], "known", "{report:#}");
    // The system's journal has the note.
    let noted = "journalctl --quiet --output=cat MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";
    assert!(machine.script("root", noted).contains("Suppressed"));

    configure(&machine, UNLIMITED);
    let report = measure(&machine, "");
    assert_facts(&report, &[("success", "there"), ("own-setting", "there")]);
    assert_eq!(report["verdict"], "relaxable", "{report:#}");
}

#[test]
fn a_flood_with_another_outcome_is_noticed() {
    let machine = boot(Debian13);
    configure(&machine, LIMITED);
    machine.install(
        "systemd-run",
        "#!/bin/bash
         for word; do shift; [[ $word = *StandardOutput=* ]] || set -- \"$@\" \"$word\"; done
         exec /usr/bin/systemd-run \"$@\"",
    );
    machine.install(
        "journalctl",
        "#!/bin/bash
         [[ $* = *MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e* ]] && exec echo Suppressed
         exec /usr/bin/journalctl \"$@\"",
    );
    let report = measure(&machine, "PATH=/opt/other:$PATH");
    assert_facts(&report, &[("suppressed", "there"), ("output-to-file", "missing")]);
    assert_eq!(report["verdict"], "regressed", "{report:#}");

    // Warnings are of another class of priority than what is flooded, but for this flood.
    machine.script(
        "root",
        r#"printf '%s\n' '#!/bin/sh' 'exec /usr/bin/yes "<4>$1"' >/usr/local/bin/yes; chmod 755 /usr/local/bin/yes"#,
    );
    let report = measure(&machine, "");
    assert_facts(&report, &[("success", "there"), ("failure", "missing")]);
}

fn boot(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    lab_only::put(&machine);
    machine
}

/// Measures as `agent`, after a script.
fn measure(machine: &Machine, script: &str) -> Value {
    lab_only::measure(machine, "agent", script, "journal-rate-limit")
}
