//! What becomes of the values of variables, and of the words of a command.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};
use crate::{WITH_OTHER, with_systemd_run};

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
    let report = machine.check(&["setenv-fidelity"]);
    let large = format!("launch-doctor\0{}\0launch-doctor\0", "0".repeat(100_000));
    let printed = machine.agent(&evidence_words(&report, "large")).stdout;
    assert!(String::from_utf8_lossy(&printed).starts_with(&large), "the evidence repeats it");
    for report in [report, machine.check_system(&["setenv-fidelity"])] {
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

/// The words of the command that measured a fact of `setenv-fidelity`.
fn evidence_words<'a>(report: &'a Report, fact: &str) -> Vec<&'a str> {
    let evidence = report.probe("setenv-fidelity")["evidence"].as_array().unwrap();
    let one = evidence.iter().find(|one| one["fact"] == fact).unwrap();
    one["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
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
