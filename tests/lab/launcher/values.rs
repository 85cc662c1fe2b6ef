//! Values of variables and arguments of commands, as each release delivers them.

use crate::lab::{Machine, Release, Report};

on_each_release!(a_value_with_spaces_in_an_environment_property_starts_no_unit);
on_each_release!(a_value_that_is_two_assignments_is_split_without_a_message);
on_each_release!(setenv_delivers_every_text_byte_for_byte_to_services_and_scopes);
on_each_release!(a_unit_file_cuts_a_value_with_spaces_and_an_environment_file_does_not);
on_each_release!(dollars_in_the_command_line_of_a_service_are_replaced_unless_doubled);

fn a_value_with_spaces_in_an_environment_property_starts_no_unit(release: Release) {
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
        assert!(summary.contains("(exit status 1) and starts no unit"), "{summary}");
        assert_eq!(report.status, 0);
    }
}

fn a_value_that_is_two_assignments_is_split_without_a_message(release: Release) {
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

fn setenv_delivers_every_text_byte_for_byte_to_services_and_scopes(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["setenv-fidelity"]);
    let large = format!("launch-doctor\0{}\0launch-doctor\0", "0".repeat(100_000));
    let printed = machine.agent(&evidence_words(&report, "large")).stdout;
    assert!(
        String::from_utf8_lossy(&printed).starts_with(&large),
        "the command of the evidence does not repeat it"
    );
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
        let checks_assignments = release.systemd() >= 250;
        let (inherit, scope_inherit, unset, scope_unset) = if checks_assignments {
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
                ("repeated", if checks_assignments { "delivered" } else { "rejected" }),
                ("scope-non-utf8", if checks_assignments { "rejected" } else { "delivered" }),
                ("scope-bad-name", if checks_assignments { "rejected" } else { "delivered" }),
            ],
        );
        assert_eq!(report.verdict("setenv-fidelity"), "known");
    }
}

/// Returns the command that measured a fact of `setenv-fidelity`.
fn evidence_words<'a>(report: &'a Report, fact: &str) -> Vec<&'a str> {
    let evidence = report.probe("setenv-fidelity")["evidence"].as_array().unwrap();
    let one = evidence.iter().find(|one| one["fact"] == fact).unwrap();
    one["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect()
}

fn a_unit_file_cuts_a_value_with_spaces_and_an_environment_file_does_not(release: Release) {
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
         test \"$before\" = \"$(socket)\" # systemd-analyze did not replace it
         ! ls \"$XDG_RUNTIME_DIR/systemd/user\" 2>/dev/null",
    );
    machine.script("root", "! ls /run/systemd/system/launch_doctor* 2>/dev/null");
}

fn dollars_in_the_command_line_of_a_service_are_replaced_unless_doubled(release: Release) {
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
