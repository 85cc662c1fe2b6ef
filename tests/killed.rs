//! Runs that are killed at any moment: nothing of them goes on, and the next run sweeps what is left.

mod lab;

use lab::Release::*;
use lab::{Machine, Release};
use rstest::rstest;

/// Kills so many runs; `ci/soak` kills more of them.
const KILLS: &str = "8";

#[rstest]
fn a_killed_run_ends_with_all_it_started_and_the_next_sweeps_what_it_left(
    #[values(Debian11, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let kill = ["bash", "-c", include_str!("../ci/soak.d/kill"), "kill", KILLS];
    let killed = machine.agent(&kill);
    let told = String::from_utf8_lossy(&killed.stdout);
    assert!(killed.status.success(), "{told}\n{}", String::from_utf8_lossy(&killed.stderr));
    assert!(told.contains("8 runs killed"), "{told}");
}
