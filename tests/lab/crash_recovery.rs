//! Runs that are killed at any moment: nothing of them goes on, and the next run sweeps what is left.

use crate::lab::{Machine, Release};

on_each_release!(a_killed_run_ends_with_all_it_started_and_the_next_sweeps_what_it_left: Debian11, Debian14);

/// Kills so many runs; `ci/soak` kills more of them.
const KILLS: &str = "8";

fn a_killed_run_ends_with_all_it_started_and_the_next_sweeps_what_it_left(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let kill = ["bash", "-c", include_str!("../../ci/soak.d/kill"), "kill", KILLS];
    let killed = machine.agent(&kill);
    let output = String::from_utf8_lossy(&killed.stdout);
    assert!(killed.status.success(), "{output}\n{}", String::from_utf8_lossy(&killed.stderr));
    assert!(output.contains("8 runs killed"), "{output}");
}
