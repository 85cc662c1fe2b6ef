//! The releases of the lab are listed for shell and for Rust, and both lists are one.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::release::Release;

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What bash writes that has read the lab's list.
fn lab(script: &str) -> String {
    let script = format!(". ci/lab.d/releases.sh; {script}");
    let output = Command::new("bash").args(["-ec", &script]).current_dir(project(".")).output();
    let output = output.expect("bash can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn shell_and_rust_have_the_same_releases() {
    let names: Vec<&str> = Release::ALL.iter().map(|release| release.name()).collect();
    assert_eq!(lab(r#"printf '%s\n' "${LAB_RELEASES[@]}""#).lines().collect::<Vec<_>>(), names);
    let fixed = Release::ALL.iter().filter(|release| !release.is_rolling());
    let fixed: Vec<&str> = fixed.map(|release| release.name()).collect();
    assert_eq!(
        lab(r#"release_fixed; printf '%s\n' "${RELEASES[@]}""#).lines().collect::<Vec<_>>(),
        fixed
    );
}

#[test]
fn every_release_has_suites_and_a_record_of_its_systemd() {
    for release in Release::ALL {
        let name = release.name();
        assert_ne!(lab(&format!("release_suites {name}")), "", "no suites of {name}");
        let record = lab(&format!("release_record {name}"));
        assert_eq!(record.trim(), format!("docs/records/{}", release.record()));
        let text = std::fs::read_to_string(project(record.trim()))
            .unwrap_or_else(|error| panic!("{record}: {error}; run `ci/record-releases`"));
        let record: toml::Table = text.parse().unwrap();
        let systemd = record["versions"]["systemd"].as_str().unwrap();
        let major = systemd.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        // A rolling release may be newer than the list.
        assert!(
            release.is_rolling() || major == release.systemd().to_string(),
            "{name}: {systemd} in the record, {} in the list",
            release.systemd()
        );
    }
}
