//! A systemd that launches, keeps or reports a unit otherwise than recorded.

use super::check_altered;
use crate::lab::Machine;
use crate::lab::Release::*;

#[test]
fn a_systemd_run_that_waits_for_the_program_by_default_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "launch-status";
    // What NEWS 240 announced.
    let exec = "--user) set -- \"$@\" --user -p Type=exec; continue ;;";
    let report = check_altered(&machine, exec, &[id]);
    report.assert_facts(id, &[("plain-interpreter", "nonzero"), ("plain-directory", "nonzero")]);
    assert_eq!(report.verdict(id), "relaxable");
}

#[test]
fn a_systemd_run_that_reports_another_status_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "launch-status";
    let other = "7) ;; 'exit 7') word='exit 8' ;; */startable) sed -i s/7/8/ \"$word\" ;;";
    check_altered(&machine, other, &[id]).assert_facts(id, &[("wait-status", "another")]);

    let success = "/no/such/*|*/unstartable) word=true ;; WorkingDirectory=*) word=${word%%/*}/ ;;";
    check_altered(&machine, success, &[id]).assert_facts(
        id,
        &[
            ("plain-program", "zero"),
            ("exec-interpreter", "zero"),
            ("exec-directory", "zero"),
            ("exec-program", "zero"),
            ("wait-interpreter", "zero"),
            ("wait-directory", "zero"),
            ("wait-program", "zero"),
        ],
    );

    let report = check_altered(&machine, "*plain-directory*) set -- \"$@\" --collect ;;", &[id]);
    report.assert_facts(id, &[("afterwards", "forgotten")]);
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_failed_unit_that_is_kept_or_forgotten_otherwise_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "collect-forgets";
    let report = check_altered(&machine, "--collect) continue ;;", &[id]);
    report.assert_facts(id, &[("is-failed", "failed"), ("result", "failure")]);
    assert_eq!(report.verdict(id), "relaxable");

    let report = check_altered(&machine, "*kept.service) set -- \"$@\" --collect ;;", &[id]);
    report.assert_facts(id, &[("kept-is-failed", "not-failed"), ("kept-result", "success")]);
    assert_eq!(report.verdict(id), "regressed");

    let report = check_altered(&machine, "'exit 7') word='exit 8' ;;", &[id]);
    report.assert_facts(id, &[("wait-status", "another")]);
}

#[test]
fn a_launch_that_replaces_the_running_unit_is_detected() {
    let machine = Machine::boot(Debian14);
    let replace = r#"--unit=*running.service) case "$*" in *true*) systemctl --user stop "${word#*=}" ;; esac ;;"#;
    let report = check_altered(&machine, replace, &["unit-name-taken"]);
    report.assert_facts("unit-name-taken", &[("running", "free"), ("first", "disturbed")]);
    assert_eq!(report.verdict("unit-name-taken"), "regressed");
}

#[test]
fn a_name_that_is_free_or_taken_otherwise_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "unit-name-taken";
    let free = r#"
        --unit=*failed.service|--unit=*file.service)
            case "$*" in *true*) word=${word%.service}_$$.service ;; esac ;;
        --unit=*scope.scope)
            case "$*" in *true*) word=${word%.scope}_$$.scope ;; esac ;;"#;
    let report = check_altered(&machine, free, &[id]);
    report.assert_facts(id, &[("failed", "free"), ("file", "free"), ("scope", "free")]);
    assert_eq!(report.verdict(id), "relaxable");

    // The first request to reset a unit has no effect; the doctor's clean-up makes others.
    machine.install(
        "systemctl",
        "#!/bin/sh\ncase \"$*\" in *reset-failed*) mkdir /tmp/reset 2>/dev/null && exit 0 ;; esac\n\
         exec /usr/bin/systemctl \"$@\"\n",
    );
    let taken = "--collect) continue ;; *succeeded.service) set -- \"$@\" --remain-after-exit ;;";
    let report = check_altered(&machine, taken, &[id]);
    report.assert_facts(id, &[("succeeded", "taken"), ("collected", "taken"), ("reset", "taken")]);
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_scope_property_that_is_applied_or_ignored_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "option-order";
    let report = check_altered(&machine, "Environment=*) word=Description=scope ;;", &[id]);
    report.assert_facts(id, &[("scope-property", "dropped"), ("scope-exit", "zero")]);
    assert_eq!(report.verdict(id), "regressed");

    let apply = "-p|Description=*) continue ;; Environment=*) word=--setenv=${word#*=} ;;";
    let report = check_altered(&machine, apply, &[id]);
    report.assert_facts(id, &[("scope-property", "delivered"), ("scope-exit", "zero")]);

    let cut = "-p|Description=*) continue ;; Environment=*) word=--setenv=DOCTOR_VALUE=x ;;";
    let report = check_altered(&machine, cut, &[id]);
    report.assert_facts(id, &[("scope-property", "cut")]);
}

#[test]
fn a_setenv_option_that_is_read_otherwise_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "option-order";
    let permuted = r#"*option_last*) is_last=1 ;;
        --setenv=*) [ -z "$is_last" ] || { set -- "$word" "$@"; continue; } ;;"#;
    let report = check_altered(&machine, permuted, &[id]);
    report.assert_facts(id, &[("behind", "option"), ("scope-behind", "option")]);

    let strict = "*option_last*|DOCTOR_SEPARATE=a) exit 1 ;;";
    let report = check_altered(&machine, strict, &[id]);
    report.assert_facts(
        id,
        &[("behind", "rejected"), ("scope-behind", "rejected"), ("separate", "rejected")],
    );

    let cut = "--setenv=DOCTOR_VALUE=a|DOCTOR_SEPARATE=a) word=${word%a}x ;;";
    let report = check_altered(&machine, cut, &[id]);
    report.assert_facts(id, &[("before", "cut"), ("separate", "cut"), ("scope-setenv", "cut")]);

    let drop = "--setenv=DOCTOR_VALUE=a|--setenv|DOCTOR_SEPARATE=a) continue ;;";
    let report = check_altered(&machine, drop, &[id]);
    report.assert_facts(
        id,
        &[("before", "dropped"), ("separate", "dropped"), ("scope-setenv", "dropped")],
    );
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_service_that_inherits_from_its_caller_is_detected() {
    let machine = Machine::boot(Debian14);
    let id = "service-environment";
    // Every service is launched as a scope.
    let inherit = "--wait|--pipe|--same-dir|--property=*) continue ;;
        --unit=*.service) set -- \"$@\" --scope; word=${word%.service}.scope ;;";
    let report = check_altered(&machine, inherit, &[id]);
    report.assert_facts(
        id,
        &[
            ("service-variable", "the-callers"),
            ("service-path", "the-callers"),
            ("service-nofile", "the-callers"),
            ("service-umask", "the-callers"),
            ("service-directory", "the-callers"),
            ("service-descriptor", "the-callers"),
        ],
    );
    // Its card knows no state in which the workaround may go.
    assert_eq!(report.verdict(id), "regressed");
}

#[test]
fn a_scope_that_does_not_inherit_and_options_without_effect_are_detected() {
    let machine = Machine::boot(Debian14);
    let id = "service-environment";
    // Every scope is launched as a service, and no service has options.
    let reset = "--setenv=*|--same-dir|--property=*) continue ;;
        --scope) set -- \"$@\" --wait; word=--pipe ;;
        --unit=*.scope) word=${word%.scope}_scope.service ;;";
    let report = check_altered(&machine, reset, &[id]);
    report.assert_facts(
        id,
        &[
            ("scope-variable", "its-own"),
            ("scope-path", "its-own"),
            ("scope-nofile", "its-own"),
            ("scope-umask", "its-own"),
            ("scope-directory", "its-own"),
            ("scope-descriptor", "its-own"),
            ("handed-variable", "its-own"),
            ("handed-path", "its-own"),
            ("handed-nofile", "its-own"),
            ("handed-umask", "its-own"),
            ("handed-directory", "its-own"),
        ],
    );
    assert_eq!(report.verdict(id), "regressed");
}
