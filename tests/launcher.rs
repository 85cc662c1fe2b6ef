//! What systemd-run does to the command line and the environment of a service.

mod lab;

use lab::Release::*;
use lab::{Machine, Release};
use rstest::rstest;

#[rstest]
fn a_value_with_spaces_in_an_environment_property_starts_no_unit(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    for report in
        [machine.check(&["env-block-spaces"]), machine.check_system(&["env-block-spaces"])]
    {
        report.assert_facts(
            "env-block-spaces",
            &[
                ("spaces", "rejected"),
                ("exit", "nonzero"),
                ("message", "invalid-environment-block"),
                ("started", "no"),
                ("tab", "rejected"),
                ("newline", "rejected"),
                ("lone-quote", "rejected"),
                ("quoted-assignment", "delivered"),
                ("quoted-value", "delivered"),
                ("setenv", "delivered"),
            ],
        );
        assert_eq!(report.verdict("env-block-spaces"), "known");
        let summary = report.probe("env-block-spaces")["summary"].as_str().unwrap();
        assert!(summary.contains("(exit status 1) and no unit was started"), "{summary}");
        assert_eq!(report.status, 0);
    }
}

#[rstest]
fn a_value_that_reads_as_two_assignments_is_split_without_a_word(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["env-block-split"]);
    report.assert_facts(
        "env-block-split",
        &[
            ("value", "cut"),
            ("stray", "set"),
            ("exit", "zero"),
            ("message", "nothing"),
            ("newline", "cut"),
            ("json", "cut"),
            ("repeated", "rejected"),
            ("path", "replaced"),
            ("quoted", "delivered"),
            ("setenv", "delivered"),
        ],
    );
    assert_eq!(report.verdict("env-block-split"), "known");
}

#[rstest]
fn setenv_delivers_every_text_byte_for_byte_to_services_and_scopes(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    for report in [machine.check(&["setenv-fidelity"]), machine.check_system(&["setenv-fidelity"])]
    {
        for text in [
            "spaces",
            "equals",
            "newline",
            "tab",
            "control",
            "quotes",
            "json",
            "percent",
            "dollar",
            "backslash",
            "empty",
            "unicode",
            "large",
            "scope-texts",
            "scope-large",
        ] {
            assert_eq!(report.fact("setenv-fidelity", text), "delivered", "{text}");
        }
        report.assert_facts(
            "setenv-fidelity",
            &[("non-utf8", "rejected"), ("bad-name", "rejected"), ("scope-repeated", "delivered")],
        );
        let looks_at_assignments = release.systemd() >= 250;
        let (inherit, scope_inherit, unset, scope_unset) = if looks_at_assignments {
            ("delivered", "delivered", "set-to-nothing", "set-to-nothing")
        } else {
            ("rejected", "dropped", "rejected", "not-set")
        };
        report.assert_facts(
            "setenv-fidelity",
            &[
                ("inherit", inherit),
                ("scope-inherit", scope_inherit),
                ("unset", unset),
                ("scope-unset", scope_unset),
                ("repeated", if looks_at_assignments { "delivered" } else { "rejected" }),
                ("scope-non-utf8", if looks_at_assignments { "rejected" } else { "delivered" }),
                ("scope-bad-name", if looks_at_assignments { "rejected" } else { "delivered" }),
            ],
        );
        assert_eq!(report.verdict("setenv-fidelity"), "known");
    }
}

#[rstest]
fn a_unit_file_cuts_a_value_with_spaces_and_an_environment_file_does_not(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    for report in [machine.check(&["unit-file-env"]), machine.check_system(&["unit-file-env"])] {
        report.assert_facts(
            "unit-file-env",
            &[
                ("spaces", "cut"),
                ("split", "cut"),
                ("stray", "set"),
                ("lone-quote", "dropped"),
                ("quoted-assignment", "delivered"),
                ("quoted-value", "delivered"),
                ("exit", "zero"),
                ("journal", "told"),
                ("verify", "told"),
                ("verify-exit", "zero"),
                ("verify-split", "silent"),
                ("file-spaces", "delivered"),
                ("file-lone-quote", "delivered"),
                ("file-export", "dropped"),
            ],
        );
        assert_eq!(report.verdict("unit-file-env"), "known");
    }
    machine.script(
        "agent",
        "socket() { stat -c %i \"$XDG_RUNTIME_DIR/systemd/private\"; }; before=$(socket)
         doctor check unit-file-env >/dev/null
         test \"$before\" = \"$(socket)\" # systemd-analyze did not take it
         ! ls \"$XDG_RUNTIME_DIR/systemd/user\" 2>/dev/null",
    );
    machine.script("root", "! ls /run/systemd/system/launch_doctor* 2>/dev/null");
}

#[rstest]
fn dollars_in_the_command_line_of_a_service_are_replaced_unless_doubled(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "service-argument-expansion";
    for report in [machine.check(&[id]), machine.check_system(&[id])] {
        report.assert_facts(
            id,
            &[
                ("variable", "split"),
                ("braces", "replaced"),
                ("braces-within", "replaced"),
                ("within", "untouched"),
                ("unset", "dropped"),
                ("unset-braces", "replaced"),
                ("sentence", "dropped"),
                ("substitution", "dropped"),
                ("digit", "dropped"),
                ("dollars", "halved"),
                ("default", "untouched"),
                ("percent", "untouched"),
                ("doubled", "untouched"),
                ("expand-no", if release.systemd() >= 254 { "untouched" } else { "rejected" }),
            ],
        );
        assert_eq!(report.verdict(id), "known");
    }
}

#[test]
fn a_remedy_that_no_longer_helps_is_seen() {
    let machine = Machine::boot(Debian14);
    with_systemd_run(&machine, "--expand-environment=no) continue ;;");
    let report = machine.check_in(WITH_OTHER, &["service-argument-expansion"]);
    report.assert_facts("service-argument-expansion", &[("expand-no", "changed")]);
    assert_eq!(report.verdict("service-argument-expansion"), "regressed");
}

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

/// Puts a systemd-run in front of the real one that changes or refuses words as the shell code in
/// `case` says: the systemd of another day.
fn with_systemd_run(machine: &Machine, case: &str) {
    let program = format!(
        "#!/bin/sh\nfor word; do shift; case $word in {case} esac; set -- \"$@\" \"$word\"; done\n\
         exec /usr/bin/systemd-run \"$@\"\n"
    );
    let install = "mkdir -p /opt/other; printf %s \"$1\" >/opt/other/systemd-run; \
                   chmod 755 /opt/other/systemd-run";
    assert!(machine.root(&["sh", "-ec", install, "sh", &program]).status.success());
}

const WITH_OTHER: &str = "PATH=/opt/other:$PATH exec \"$@\"";

#[test]
fn a_systemd_that_takes_a_value_as_it_stands_is_seen() {
    let machine = Machine::boot(Debian14);
    let lenient = r#"'Environment=DOCTOR_C={'*) ;; 'Environment=DOCTOR_'*[[:space:]]*) word="Environment=\"${word#*=}\"" ;;"#;
    with_systemd_run(&machine, lenient);
    let report = machine.check_in(WITH_OTHER, &["env-block-spaces", "env-block-split"]);
    report.assert_facts(
        "env-block-spaces",
        &[("spaces", "delivered"), ("exit", "zero"), ("message", "nothing"), ("started", "yes")],
    );
    // The value arrives, but a unit is started that never was.
    assert_eq!(report.verdict("env-block-spaces"), "regressed");
    report.assert_facts(
        "env-block-split",
        &[("value", "delivered"), ("stray", "not-set"), ("path", "kept"), ("newline", "delivered")],
    );
}

#[test]
fn a_systemd_that_refuses_a_value_is_seen() {
    let machine = Machine::boot(Debian14);
    let strict = r#"*DOCTOR_STRAY=*|--setenv=DOCTOR_TAB=*) echo "no such value" >&2; exit 1 ;;"#;
    with_systemd_run(&machine, strict);
    let report = machine.check_in(WITH_OTHER, &["env-block-split", "setenv-fidelity"]);
    assert_eq!(report.verdict("env-block-split"), "unmeasured", "its control was refused, too");
    // One refused text does not hide what becomes of the others.
    report.assert_facts(
        "setenv-fidelity",
        &[("tab", "rejected"), ("newline", "delivered"), ("scope-texts", "rejected")],
    );
    assert_eq!(report.verdict("setenv-fidelity"), "regressed");

    let strict = r#"Environment=*DOCTOR_STRAY=*) echo "no such value" >&2; exit 1 ;;"#;
    with_systemd_run(&machine, strict);
    let report = machine.check_in(WITH_OTHER, &["env-block-split"]);
    report.assert_facts(
        "env-block-split",
        &[("value", "rejected"), ("exit", "nonzero"), ("message", "something")],
    );
}

/// Without a control, a host on which nothing can be launched would look like one that refuses.
#[test]
fn where_nothing_can_be_launched_nothing_is_called_refused() {
    let machine = Machine::boot(Debian14);
    let broken = "mkdir /tmp/broken; printf '#!/bin/sh\\nexit 1\\n' >/tmp/broken/systemd-run; \
                  chmod 755 /tmp/broken/systemd-run; PATH=/tmp/broken:$PATH exec \"$@\"";
    let unmanaged = "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; exec \"$@\"";
    for (script, verdict) in [(broken, "unmeasured"), (unmanaged, "skipped")] {
        let report = machine.check_in(script, &["launcher"]);
        for probe in report.json()["probes"].as_array().unwrap() {
            assert_eq!(probe["verdict"], verdict, "{probe:#}");
        }
    }
}
