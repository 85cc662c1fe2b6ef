//! A systemd that does something else with the arguments of a service than recorded.

use super::check_altered;
use crate::lab::Machine;
use crate::lab::Release::*;

const ID: &str = "service-argument-expansion";

/// Changes each argument that is measured by the shell code in place of `EDIT`.
const EACH_ARGUMENT: &str =
    r"printf) is_argument=1 ;; '%s\0'|DOCTOR_MARK) ;; *) [ -z $is_argument ] || { EDIT; } ;;";

fn edit_each(edit: &str) -> String {
    EACH_ARGUMENT.replace("EDIT", edit)
}

#[test]
fn a_remedy_that_has_no_effect_is_detected() {
    let machine = Machine::boot(Debian14);
    let report = check_altered(&machine, "--expand-environment=no) continue ;;", &[ID]);
    report.assert_facts(ID, &[("expand-no", "changed")]);
    assert_eq!(report.verdict(ID), "regressed");

    let report = check_altered(&machine, "*doubled.service) exit 1 ;;", &[ID]);
    report.assert_facts(ID, &[("doubled", "rejected")]);
}

#[test]
fn a_systemd_that_does_not_expand_arguments_is_detected() {
    let machine = Machine::boot(Debian14);
    let unexpanded = "*plain.service) set -- \"$@\" --expand-environment=no ;;";
    let report = check_altered(&machine, unexpanded, &[ID]);
    report.assert_facts(
        ID,
        &[
            ("variable", "untouched"),
            ("braces", "untouched"),
            ("braces-within", "untouched"),
            ("unset", "untouched"),
            ("unset-braces", "untouched"),
            ("sentence", "untouched"),
            ("substitution", "untouched"),
            ("digit", "untouched"),
            ("dollars", "untouched"),
        ],
    );
    assert_eq!(report.verdict(ID), "relaxable");
}

#[test]
fn a_systemd_that_replaces_more_variables_is_detected() {
    let machine = Machine::boot(Debian14);
    let replace = "
        '$DOCTOR_X') word='a  b' ;; 'echo $DOCTOR_X!') word='echo a  b!' ;;
        '$DOCTOR_X and more') word='a  b and more' ;;";
    let report = check_altered(&machine, replace, &[ID]);
    report.assert_facts(
        ID,
        &[("variable", "replaced"), ("within", "replaced"), ("sentence", "replaced")],
    );
    assert_eq!(report.verdict(ID), "regressed");
}

#[test]
fn a_systemd_that_drops_arguments_is_detected() {
    let machine = Machine::boot(Debian14);
    check_altered(&machine, &edit_each("continue"), &[ID]).assert_facts(
        ID,
        &[
            ("variable", "dropped"),
            ("braces", "dropped"),
            ("braces-within", "dropped"),
            ("within", "dropped"),
            ("unset-braces", "dropped"),
            ("dollars", "dropped"),
            ("default", "dropped"),
            ("percent", "dropped"),
            ("doubled", "changed"),
        ],
    );
}

#[test]
fn a_systemd_that_splits_arguments_is_detected() {
    let machine = Machine::boot(Debian14);
    check_altered(&machine, &edit_each("set -- \"$@\" x; word=y"), &[ID]).assert_facts(
        ID,
        &[
            ("braces", "split"),
            ("braces-within", "split"),
            ("within", "split"),
            ("unset", "split"),
            ("unset-braces", "split"),
            ("sentence", "split"),
            ("substitution", "split"),
            ("digit", "split"),
            ("dollars", "split"),
            ("default", "split"),
            ("percent", "split"),
        ],
    );
}

#[test]
fn a_systemd_that_changes_arguments_in_another_way_is_detected() {
    let machine = Machine::boot(Debian14);
    check_altered(&machine, &edit_each("word=x"), &[ID]).assert_facts(
        ID,
        &[
            ("variable", "changed"),
            ("braces", "changed"),
            ("braces-within", "changed"),
            ("within", "changed"),
            ("unset", "changed"),
            ("unset-braces", "changed"),
            ("sentence", "changed"),
            ("substitution", "changed"),
            ("digit", "changed"),
            ("dollars", "changed"),
            ("default", "changed"),
            ("percent", "changed"),
        ],
    );
}
