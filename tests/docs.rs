//! Generated pages match their sources; `ci/matrix` writes them anew.

mod lab;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use lab::Release::*;
use lab::{Machine, Release};
use launch_doctor::judge::Catalogue;
use rstest::rstest;

const RELEASES: [Release; 5] = [Debian11, Debian12, Debian12Backports, Debian13, Debian14];

fn doctor(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_doctor")).args(args).assert().success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(project(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn record(release: Release) -> String {
    format!("docs/records/{}.toml", release.name())
}

#[test]
fn every_failure_mode_has_its_page_and_no_page_is_stale() {
    let mut wrong = Vec::new();
    let catalogue = Catalogue::select(&[], &[]).unwrap();
    for entry in catalogue.entries() {
        let id = &entry.card.id;
        let page = project(&format!("docs/failure-modes/{id}.md"));
        if fs::read_to_string(page).unwrap_or_default()
            != doctor(&["explain", id, "--format", "markdown"])
        {
            wrong.push(id.clone());
        }
    }
    assert!(wrong.is_empty(), "stale, run `ci/matrix --pages`: {}", wrong.join(", "));
    let pages = fs::read_dir(project("docs/failure-modes")).unwrap().count();
    assert_eq!(pages, catalogue.entries().len(), "a page without a probe");
}

#[test]
fn the_matrix_is_made_of_the_records() {
    let files: Vec<String> =
        RELEASES.map(|release| project(&record(release)).display().to_string()).into();
    let args: Vec<&str> = ["matrix"].into_iter().chain(files.iter().map(String::as_str)).collect();
    assert!(
        read("docs/matrix.md") == doctor(&args),
        "docs/matrix.md is stale, run `ci/matrix --pages`"
    );
}

#[test]
fn the_readme_lists_the_probes_as_the_doctor_does() {
    let listed: String =
        doctor(&["list", "--color", "never"]).lines().map(indented).collect::<Vec<_>>().join("\n");
    assert!(read("README.md").contains(&listed), "the README should say:\n{listed}");
}

fn indented(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("    {line}") }
}

/// What stands in docs/matrix.md is what the lab measures today.
#[rstest]
fn a_release_still_measures_what_its_record_says(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let file = read(&record(release));
    let script =
        format!("cat >record <<'END'\n{file}END\ndoctor gate --deep --against record || echo RED");
    let told = machine.script("agent", &script);
    assert!(
        !told.contains("RED"),
        "measured otherwise than recorded; `ci/matrix` records anew\n{told}"
    );
}
