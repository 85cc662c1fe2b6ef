//! A systemd that does something else with a value or an argument than recorded.

use super::check_altered;
use crate::lab::Machine;
use crate::lab::Release::*;

/// Replaces each value that is assigned.
const CUT: &str = r#"
    Environment=*) name=${word#*=}; name=${name#\"}; word=Environment=${name%%=*}=x ;;
    --setenv=DOCTOR_MARK=*) ;;
    --setenv=1DOCTOR_BAD=*) bad=1; continue ;;
    --setenv=*) name=${word#*=}; word=--setenv=${name%%=*}=x ;;
    printenv) [ -z "$bad" ] || set -- "$@" env 1DOCTOR_BAD=x ;;"#;

/// Removes each assignment.
const DROP: &str = r"
    Environment=*) word=Description=x ;;
    --setenv=DOCTOR_MARK=*) ;;
    --setenv=*) continue ;;";

#[test]
fn a_systemd_that_accepts_a_value_with_spaces_is_detected() {
    let machine = Machine::boot(Debian14);
    let lenient = r#"
        'Environment=DOCTOR_'*[[:space:]]*|"Environment=DOCTOR_VALUE=it's")
            value=$(printf %s "${word#*=}" | sed 's/"/\\"/g'); word="Environment=\"$value\"" ;;"#;
    let report = check_altered(&machine, lenient, &["env-block-spaces", "env-block-split"]);
    report.assert_facts(
        "env-block-spaces",
        &[
            ("spaces", "delivered"),
            ("exit", "zero"),
            ("message", "nothing"),
            ("started", "yes"),
            ("tab", "delivered"),
            ("newline", "delivered"),
            ("lone-quote", "delivered"),
        ],
    );
    // The value arrives, but a unit is started that was refused before.
    assert_eq!(report.verdict("env-block-spaces"), "regressed");
    report.assert_facts(
        "env-block-split",
        &[
            ("value", "delivered"),
            ("stray", "not-set"),
            ("path", "kept"),
            ("newline", "delivered"),
            ("json", "delivered"),
            ("repeated", "delivered"),
        ],
    );
}

#[test]
fn a_systemd_that_cuts_or_drops_an_environment_property_is_detected() {
    let machine = Machine::boot(Debian14);
    let ids = ["env-block-spaces", "env-block-split"];
    let report = check_altered(&machine, CUT, &ids);
    report.assert_facts(
        "env-block-spaces",
        &[
            ("spaces", "cut"),
            ("tab", "cut"),
            ("newline", "cut"),
            ("lone-quote", "cut"),
            ("quoted-assignment", "cut"),
            ("quoted-value", "cut"),
            ("setenv", "cut"),
        ],
    );
    report.assert_facts(
        "env-block-split",
        &[("repeated", "cut"), ("quoted", "cut"), ("setenv", "cut")],
    );

    let report = check_altered(&machine, DROP, &ids);
    report.assert_facts(
        "env-block-spaces",
        &[
            ("spaces", "dropped"),
            ("tab", "dropped"),
            ("newline", "dropped"),
            ("lone-quote", "dropped"),
            ("quoted-assignment", "dropped"),
            ("quoted-value", "dropped"),
            ("setenv", "dropped"),
        ],
    );
    report.assert_facts(
        "env-block-split",
        &[
            ("value", "dropped"),
            ("newline", "dropped"),
            ("json", "dropped"),
            ("repeated", "dropped"),
            ("quoted", "dropped"),
            ("setenv", "dropped"),
        ],
    );
    assert_eq!(report.verdict("env-block-split"), "regressed");
}

#[test]
fn a_systemd_that_refuses_an_environment_property_is_detected() {
    let machine = Machine::boot(Debian14);
    let strict = r#"
        'Environment=DOCTOR_VALUE=a b c'|Environment=*DOCTOR_STRAY*) echo "no such value" >&2; exit 1 ;;
        Environment=*DOCTOR_QUOTED*) exit 1 ;;"#;
    let report = check_altered(&machine, strict, &["env-block-spaces", "env-block-split"]);
    report.assert_facts(
        "env-block-spaces",
        &[
            ("message", "something-else"),
            ("quoted-assignment", "rejected"),
            ("quoted-value", "rejected"),
        ],
    );
    report.assert_facts(
        "env-block-split",
        &[
            ("value", "rejected"),
            ("newline", "rejected"),
            ("json", "rejected"),
            ("quoted", "rejected"),
            ("exit", "nonzero"),
            ("message", "something"),
        ],
    );

    // A control that is refused as well leaves nothing to compare with.
    let strict = r"*DOCTOR_STRAY=*) exit 1 ;;";
    let report = check_altered(&machine, strict, &["env-block-split"]);
    assert_eq!(report.verdict("env-block-split"), "unmeasured");
}

#[test]
fn a_setenv_that_cuts_or_drops_a_value_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "setenv-fidelity";
    check_altered(&machine, CUT, &[id]).assert_facts(
        id,
        &[
            ("spaces", "cut"),
            ("equals", "cut"),
            ("newline", "cut"),
            ("tab", "cut"),
            ("control", "cut"),
            ("quotes", "cut"),
            ("json", "cut"),
            ("percent", "cut"),
            ("dollar", "cut"),
            ("backslash", "cut"),
            ("empty", "cut"),
            ("unicode", "cut"),
            ("large", "cut"),
            ("non-utf8", "cut"),
            ("inherit", "cut"),
            ("repeated", "cut"),
            ("bad-name", "cut"),
            ("scope-texts", "cut"),
            ("scope-large", "cut"),
            ("scope-non-utf8", "cut"),
            ("scope-inherit", "cut"),
            ("scope-repeated", "cut"),
            ("scope-bad-name", "cut"),
        ],
    );
    check_altered(&machine, DROP, &[id]).assert_facts(
        id,
        &[
            ("spaces", "dropped"),
            ("equals", "dropped"),
            ("newline", "dropped"),
            ("tab", "dropped"),
            ("control", "dropped"),
            ("quotes", "dropped"),
            ("json", "dropped"),
            ("percent", "dropped"),
            ("dollar", "dropped"),
            ("backslash", "dropped"),
            ("empty", "dropped"),
            ("unicode", "dropped"),
            ("large", "dropped"),
            ("non-utf8", "dropped"),
            ("inherit", "dropped"),
            ("unset", "not-set"),
            ("repeated", "dropped"),
            ("bad-name", "dropped"),
            ("scope-texts", "dropped"),
            ("scope-large", "dropped"),
            ("scope-non-utf8", "dropped"),
            ("scope-repeated", "dropped"),
            ("scope-bad-name", "dropped"),
        ],
    );
}

#[test]
fn a_setenv_that_refuses_a_value_is_detected_and_the_other_values_are_measured() {
    let machine = Machine::boot(Debian14);
    let id = "setenv-fidelity";
    let all_but_one = "
        --setenv=DOCTOR_MARK=*|--setenv=DOCTOR_UNICODE=*|--setenv=DOCTOR_VALUE=a*) ;;
        --setenv=DOCTOR_*) exit 1 ;;";
    let report = check_altered(&machine, all_but_one, &[id]);
    report.assert_facts(
        id,
        &[
            ("spaces", "rejected"),
            ("equals", "rejected"),
            ("newline", "rejected"),
            ("tab", "rejected"),
            ("control", "rejected"),
            ("quotes", "rejected"),
            ("json", "rejected"),
            ("percent", "rejected"),
            ("dollar", "rejected"),
            ("backslash", "rejected"),
            ("empty", "rejected"),
            ("unicode", "delivered"),
            ("large", "rejected"),
            ("inherit", "rejected"),
            ("unset", "rejected"),
            ("repeated", "rejected"),
            ("scope-texts", "rejected"),
            ("scope-large", "rejected"),
            ("scope-inherit", "rejected"),
            ("scope-unset", "rejected"),
            ("scope-repeated", "rejected"),
        ],
    );
    assert_eq!(report.verdict(id), "regressed");
    let report = check_altered(&machine, "--setenv=DOCTOR_UNICODE=*) exit 1 ;;", &[id]);
    report.assert_facts(id, &[("unicode", "rejected"), ("tab", "delivered")]);
}

#[test]
fn a_systemd_that_delivers_bad_names_and_any_bytes_is_detected() {
    let machine = Machine::boot(Debian14);
    let deliver = r#"
        --setenv=1DOCTOR_BAD=*) bad=1; continue ;;
        --setenv=DOCTOR_VALUE=a*) bytes=1; continue ;;
        printenv) [ -z "$bad" ] || set -- "$@" env 1DOCTOR_BAD=a
            [ -z "$bytes" ] || { set -- "$@" sh -c 'DOCTOR_VALUE=$(printf "a\377\376") exec printenv "$@"' sh
                continue; } ;;"#;
    check_altered(&machine, deliver, &["setenv-fidelity"])
        .assert_facts("setenv-fidelity", &[("bad-name", "delivered"), ("non-utf8", "delivered")]);
}
