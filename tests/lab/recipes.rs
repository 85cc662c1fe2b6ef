//! The recipes in ci/recipes work as they are.

use std::fs;

use crate::lab::Release::{Debian11, Debian13};
use crate::lab::{Machine, Release, project};

on_each_release!(the_service_and_its_timer_are_accepted_and_examine_the_host);

/// For root: a `systemd-run` whose every unit is forgotten when it fails, so that the host behaves otherwise than
/// recorded.
pub(crate) const WORSEN: &str = r#"cd /usr/bin; mv systemd-run systemd-run.real
    printf '%s\n' '#!/bin/bash' 'exec -a systemd-run /usr/bin/systemd-run.real --collect "$@"' >systemd-run
    chmod 755 systemd-run"#;

/// Returns the text of a recipe.
pub(crate) fn recipe(name: &str) -> String {
    fs::read_to_string(project("ci/recipes").join(name)).unwrap()
}

/// Puts a recipe into the user's directory of unit files.
fn install(machine: &Machine, unit: &str) {
    let text = recipe(unit);
    machine.script(
        "agent",
        &format!(
            "mkdir -p ~/.config/systemd/user; cat >~/.config/systemd/user/{unit} <<'END'\n{text}END"
        ),
    );
}

fn the_service_and_its_timer_are_accepted_and_examine_the_host(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    install(&machine, "doctor.service");
    install(&machine, "doctor.timer");
    let said = machine.script(
        "agent",
        "cd ~/.config/systemd/user; systemd-analyze --user --man=no verify doctor.service doctor.timer 2>&1 | grep -i doctor || true",
    );
    assert_eq!(said, "", "systemd-analyze verify finds fault with the units");
    if release == Debian11 {
        a_socket_that_systemd_analyze_replaced_is_found(&machine);
    }
    machine.script(
        "agent",
        "systemctl --user daemon-reload; systemctl --user enable --now doctor.timer",
    );
    // The lab's containers have no controllers, which the doctor rightly warns of.
    let start = "systemctl --user start doctor.service || { journalctl --user -u doctor.service -o cat >&2; exit 1; }";
    machine.script("agent", start);
    let output = machine.script("agent", "journalctl --user -u doctor.service -o cat");
    assert!(output.contains("known behaviours need their workaround"), "{output}");
    assert!(!output.contains("unmeasured"), "{output}");
}

/// systemd-analyze of 247 takes the socket of the running manager away.
fn a_socket_that_systemd_analyze_replaced_is_found(machine: &Machine) {
    let report = machine.check(&["scope-availability"]);
    report.assert_facts("scope-availability", &[("address", "runtime-dir-wrong")]);
    let fix = report.fix("scope-availability");
    assert_eq!(fix, "systemctl --user daemon-reexec");
    machine.script("agent", &fix);
    assert_eq!(machine.check(&["scope-availability"]).verdict("scope-availability"), "ok");
}

#[test]
fn the_service_is_hardened() {
    let machine = Machine::boot(Debian13);
    install(&machine, "doctor.service");
    let score = machine.script(
        "agent",
        "systemctl --user daemon-reload; systemd-analyze --user security --no-pager doctor.service | tail -n 1",
    );
    let exposure: f64 = score
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no exposure level in {score}"));
    // What is left open is what a launch needs: the user's files, processes, sockets, scopes.
    assert!(exposure < 7.0, "{score}");
}
