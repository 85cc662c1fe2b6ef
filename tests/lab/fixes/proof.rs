use serde_json::Value;

use super::shell::Shell;
use super::table::Case;
use crate::lab::{Machine, Report};

/// How often a printed fix may have to be executed.
const ROUNDS: usize = 2;

/// A `sudo` for the machine. It makes a command root's, with root's environment and nothing of the caller's, as sudo
/// does by default. The lab has no other, because sudo cannot be asked for a password there.
const SUDO: &str = r#"
    install -D --mode=4755 /usr/bin/setpriv /usr/local/libexec/as-root
    printf '%s\n' '#!/bin/sh' 'exec /usr/local/libexec/as-root --reuid=0 --regid=0 --clear-groups \
        env -i HOME=/root USER=root LOGNAME=root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"' \
        >/usr/local/bin/sudo
    chmod 755 /usr/local/bin/sudo"#;

/// Makes the machine one in which fixes can be executed as they are printed.
pub(super) fn prepare(machine: &Machine) {
    machine.script("root", SUDO);
}

/// Makes a state, runs doctor, executes exactly what it prints, and runs doctor again until it is quiet.
#[track_caller]
pub(super) fn prove(machine: &Machine, id: &str, case: &Case) {
    if !case.root.is_empty() {
        machine.script("root", &case.root);
    }
    let mut shell = Shell::start(machine, case.shell);
    shell.run_ok(&case.state);
    let mut report = shell.check(id, &case.args);
    let facts: Vec<(&str, &str)> =
        case.facts.iter().map(|(fact, value)| (fact.as_str(), value.as_str())).collect();
    report.assert_facts(id, &facts);
    assert_eq!(report.verdict(id), case.verdict, "{:#}", report.probe(id));
    let is_found = findings(&report, id).any(|fact| case.facts.contains_key(fact));
    assert!(is_found, "no fact of the case is a finding: {:#}", report.probe(id));

    for round in 1.. {
        execute_fix(&mut shell, &report, id);
        if case.next_login {
            drop(shell);
            shell = Shell::start(machine, case.shell);
        }
        report = shell.check(id, &case.args);
        if findings(&report, id).next().is_none() {
            break;
        }
        assert!(round < ROUNDS, "not quiet after {ROUNDS} rounds: {:#}", report.probe(id));
    }
    assert_eq!(report.verdict(id), case.then, "after the fix: {:#}", report.probe(id));
    shell.run_ok(&case.works);
    drop(shell);
    if !case.undo.is_empty() {
        machine.script("root", &case.undo);
    }
}

/// Executes each printed command, in the order in which they are printed.
#[track_caller]
fn execute_fix(shell: &mut Shell, report: &Report, id: &str) {
    let commands = report.probe(id)["fix"].as_array().expect("a list of commands");
    assert!(!commands.is_empty(), "no fix is printed: {:#}", report.probe(id));
    for command in commands.iter().filter_map(Value::as_str) {
        let answer = shell.run(command);
        assert_eq!(answer.status, 0, "`{command}` failed: {}\n{:#}", answer.text, report.probe(id));
    }
}

fn findings<'a>(report: &'a Report, id: &str) -> impl Iterator<Item = &'a str> {
    let findings = report.probe(id)["findings"].as_array().expect("a list of findings");
    findings.iter().filter_map(|finding| finding["fact"].as_str())
}
