//! Generated pages match their sources; `ci/record-releases` generates them again.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use launch_doctor::exit::Exit;
use launch_doctor::judge::{Catalogue, Version};

use crate::release::Release;

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
    assert!(wrong.is_empty(), "stale, run `ci/record-releases --pages`: {}", wrong.join(", "));
    let pages = fs::read_dir(project("docs/failure-modes")).unwrap().count();
    assert_eq!(pages, catalogue.entries().len(), "a page without a probe");
}

#[test]
fn the_matrix_is_made_of_the_records() {
    let records = project("docs/records");
    let mut files: Vec<String> =
        Release::ALL.iter().map(|it| records.join(it.record()).display().to_string()).collect();
    let mut upstream: Vec<(Option<Version>, String)> = fs::read_dir(&records)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("upstream-"))
        .map(|name| (Version::parse(&name), records.join(name).display().to_string()))
        .collect();
    upstream.sort();
    files.extend(upstream.into_iter().map(|(_, file)| file));
    let args: Vec<&str> = ["matrix"].into_iter().chain(files.iter().map(String::as_str)).collect();
    assert!(
        read("docs/matrix.md") == doctor(&args),
        "docs/matrix.md is stale, run `ci/record-releases --pages`"
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

#[test]
fn the_pages_have_the_exit_statuses_of_the_code() {
    let rows = Exit::ALL.map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
    let table = format!("| status | meaning |\n| --- | --- |\n{}", rows.concat());
    for page in ["README.md", "docs/exit-status.md"] {
        assert!(read(page).contains(&table), "{page} should have:\n{table}");
    }
}
