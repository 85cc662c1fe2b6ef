//! What the doctor is built from, as `deny.toml` allows it. `cargo deny check` holds more of that file, where it
//! is installed.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    sources: Sources,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

fn deny() -> Deny {
    toml::from_str(include_str!("../../deny.toml")).expect("deny.toml is as this test reads it")
}

/// Every package that the doctor and its tests are built from on Linux.
fn packages() -> Vec<Value> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .args(["--filter-platform", "x86_64-unknown-linux-musl"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("cargo can be started");
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().clone();
    assert!(packages.len() > 50);
    packages
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed() {
    let allowed = deny().licenses.allow;
    let wrong: Vec<String> = packages()
        .iter()
        .map(|package| (package["name"].to_string(), package["license"].as_str().unwrap_or("")))
        .filter(|(_, licence)| !is_allowed(licence, &allowed))
        .map(|(name, licence)| format!("{name}: {licence}"))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn every_dependency_comes_from_the_registry_or_lies_here() {
    let registries: Vec<String> =
        deny().sources.allow_registry.iter().map(|url| format!("registry+{url}")).collect();
    for package in packages() {
        if let Some(source) = package["source"].as_str() {
            assert!(registries.iter().any(|allowed| allowed == source), "{source}");
        } else {
            let manifest = package["manifest_path"].as_str().unwrap();
            assert!(Path::new(manifest).starts_with(env!("CARGO_MANIFEST_DIR")), "{manifest}");
        }
    }
}

#[test]
fn no_dependency_is_banned() {
    let packages = packages();
    for banned in deny().bans.deny {
        let is_there = packages.iter().any(|package| package["name"] == *banned.name);
        assert!(!is_there, "{}", banned.name);
    }
}

#[test]
fn a_licence_is_allowed_by_any_alternative_and_by_all_that_go_together() {
    let allowed = BTreeSet::from(["A".to_owned(), "B".to_owned()]);
    for licence in
        ["A", "A OR X", "X OR A", "X/A", "(A OR X) AND B", "X AND A OR B", "X OR (Y OR A)"]
    {
        assert!(is_allowed(licence, &allowed), "{licence}");
    }
    for licence in ["", "X", "A AND X", "A OR", "(A OR X) AND Y", "A WITH Y", "(A", "A B"] {
        assert!(!is_allowed(licence, &allowed), "{licence}");
    }
}

/// Whether a licence expression (SPDX Specification 2.3, Annex D) can be met by what is allowed.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = licence.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    matches!(either(&words, allowed), Some((is_met, [])) if is_met)
}

type Read<'a> = Option<(bool, &'a [&'a str])>;

fn either<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    let (mut is_met, mut rest) = all(words, allowed)?;
    while let ["OR", more @ ..] = rest {
        let (next, after) = all(more, allowed)?;
        (is_met, rest) = (is_met || next, after);
    }
    Some((is_met, rest))
}

fn all<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    let (mut is_met, mut rest) = one(words, allowed)?;
    while let ["AND", more @ ..] = rest {
        let (next, after) = one(more, allowed)?;
        (is_met, rest) = (is_met && next, after);
    }
    Some((is_met, rest))
}

fn one<'a>(words: &'a [&'a str], allowed: &BTreeSet<String>) -> Read<'a> {
    match words {
        ["(", inner @ ..] => match either(inner, allowed)? {
            (is_met, [")", rest @ ..]) => Some((is_met, rest)),
            _ => None,
        },
        [name, "WITH", exception, rest @ ..] => {
            Some((allowed.contains(&format!("{name} WITH {exception}")), rest))
        }
        [name, rest @ ..] => Some((allowed.contains(*name), rest)),
        [] => None,
    }
}

#[test]
fn ci_tests_with_the_minimum_rust_that_the_manifest_names() {
    let minimum = env!("CARGO_PKG_RUST_VERSION");
    let workflow = include_str!("../../.github/workflows/ci.yml");
    assert!(workflow.contains(&format!("rust: [stable, '{minimum}']")), "ci.yml: not {minimum}");
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("Rust {minimum} or newer")), "README.md: not {minimum}");
}
