//! The recipes in ci/recipes work as they are.

mod lab;

use std::fs;
use std::path::Path;

use lab::{Machine, Release};
use rstest::rstest;

/// Puts a recipe into the user's directory of unit files.
fn install(machine: &Machine, unit: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/recipes").join(unit);
    let text = fs::read_to_string(file).unwrap();
    machine.script(
        "agent",
        &format!(
            "mkdir -p ~/.config/systemd/user; cat >~/.config/systemd/user/{unit} <<'END'\n{text}END"
        ),
    );
}

#[rstest]
fn the_service_and_its_timer_are_accepted_and_examine_the_host(
    #[values(
        Release::Debian11,
        Release::Debian12,
        Release::Debian12Backports,
        Release::Debian13,
        Release::Debian14
    )]
    release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    install(&machine, "doctor.service");
    install(&machine, "doctor.timer");
    let said = machine.script(
        "agent",
        "cd ~/.config/systemd/user; systemd-analyze --user --man=no verify doctor.service doctor.timer 2>&1 | grep -i doctor || true",
    );
    assert_eq!(said, "", "systemd-analyze verify finds fault with the units");
    machine.script(
        "agent",
        "systemctl --user daemon-reload; systemctl --user enable --now doctor.timer",
    );
    // The lab's containers have no controllers, which the doctor rightly warns of.
    machine.script("agent", "systemctl --user start doctor.service");
    let told = machine.script("agent", "journalctl --user -u doctor.service -o cat");
    assert!(told.contains("env-block-spaces"), "{told}");
    assert!(!told.contains("unmeasured"), "{told}");
}

#[test]
fn the_service_is_hardened() {
    let machine = Machine::boot(Release::Debian13);
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
