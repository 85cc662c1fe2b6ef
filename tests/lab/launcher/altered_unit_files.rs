//! A systemd that does something else with a unit file or an environment file than recorded.

use super::check_altered;
use crate::lab::Machine;
use crate::lab::Release::*;

#[test]
fn a_unit_file_whose_values_arrive_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "unit-file-env";
    edit_unit_files(
        &machine,
        r#"s/^Environment=\(DOCTOR_A=a b c\|DOCTOR_B=a DOCTOR_STRAY=c\|DOCTOR_C=.*\)$/Environment="\1"/"#,
        r"s/^Environment=.*DOCTOR_\([AB]\)=.*/Environment=DOCTOR_\1=x/",
    );
    let cut = "EnvironmentFile=*) sed -i 's/^export //; s/=.*/=x/' \"${word#*=}\" ;;
               systemd-analyze) word=true ;;";
    let report = check_altered(&machine, cut, &[id]);
    report.assert_facts(
        id,
        &[
            ("spaces", "delivered"),
            ("split", "delivered"),
            ("lone-quote", "delivered"),
            ("stray", "not-set"),
            ("journal", "silent"),
            ("quoted-assignment", "cut"),
            ("quoted-value", "cut"),
            ("file-spaces", "cut"),
            ("file-lone-quote", "cut"),
            ("file-export", "cut"),
            ("verify", "silent"),
        ],
    );
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_unit_file_whose_values_are_dropped_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "unit-file-env";
    edit_unit_files(
        &machine,
        "/DOCTOR_[AB]=/d; s/^Environment=DOCTOR_C=.*/Environment=DOCTOR_C=it/",
        "/^Environment=/d",
    );
    machine.install(
        "strict-analyze",
        "#!/bin/sh\nstatus=0\nfor file; do case $file in\n\
         */spaces.service|*/split.service) echo \"$file:5: bad line\" >&2; status=1 ;; esac; done\n\
         exit $status\n",
    );
    let drop = "EnvironmentFile=*/file-export) sed -i 's/^export //' \"${word#*=}\" ;;
                EnvironmentFile=*) : >\"${word#*=}\" ;;
                systemd-analyze) word=/opt/other/strict-analyze ;;";
    check_altered(&machine, drop, &[id]).assert_facts(
        id,
        &[
            ("spaces", "dropped"),
            ("split", "dropped"),
            ("lone-quote", "cut"),
            ("quoted-assignment", "dropped"),
            ("quoted-value", "dropped"),
            ("file-spaces", "dropped"),
            ("file-lone-quote", "dropped"),
            ("file-export", "delivered"),
            ("verify", "told"),
            ("verify-split", "told"),
            ("verify-exit", "nonzero"),
        ],
    );
}

#[test]
fn a_unit_file_that_is_refused_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "unit-file-env";
    machine.install(
        "systemctl",
        "#!/bin/sh\ncase \"$*\" in *\" start -- \"*bad.service) exit 1 ;; esac\n\
         exec /usr/bin/systemctl \"$@\"\n",
    );
    let refuse = "EnvironmentFile=*/file-spaces|EnvironmentFile=*/file-lone-quote) exit 1 ;;";
    check_altered(&machine, refuse, &[id]).assert_facts(
        id,
        &[
            ("spaces", "rejected"),
            ("split", "rejected"),
            ("lone-quote", "rejected"),
            ("exit", "nonzero"),
            ("journal", ""),
            ("file-spaces", "rejected"),
            ("file-lone-quote", "rejected"),
            ("file-export", "dropped"),
        ],
    );
    check_altered(&machine, "EnvironmentFile=*/file-export) exit 1 ;;", &[id])
        .assert_facts(id, &[("file-export", "rejected"), ("file-spaces", "delivered")]);
}

/// Edits the unit files of the probe by a sed script each, before they are started.
fn edit_unit_files(machine: &Machine, bad: &str, good: &str) {
    let edit = |label: &str, script: &str| {
        format!(
            "case \"$*\" in *\" start -- \"*{label}.service)\n\
             for unit; do :; done\nsed -i '{script}' \"$XDG_RUNTIME_DIR/systemd/user/$unit\" ;; esac\n"
        )
    };
    let program = format!(
        "#!/bin/sh\n{}{}exec /usr/bin/systemctl \"$@\"\n",
        edit("bad", bad),
        edit("good", good)
    );
    machine.install("systemctl", &program);
}
