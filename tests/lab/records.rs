//! The records are what the lab measures.

use std::fs;

use crate::lab::{Machine, Release, project};

on_each_tmux!(a_release_still_measures_what_its_record_says);

/// What docs/matrix.md says is what the lab measures today.
fn a_release_still_measures_what_its_record_says(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let file = fs::read_to_string(project("docs/records").join(release.record())).unwrap();
    let script =
        format!("cat >record <<'END'\n{file}END\ndoctor gate --against record || echo RED");
    let output = machine.script("agent", &script);
    assert!(
        !output.contains("RED"),
        "measured otherwise than recorded; `ci/record-releases` records anew\n{output}"
    );
}
