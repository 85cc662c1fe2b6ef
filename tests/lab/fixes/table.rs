//! The table of proved fixes: for each value of a fact that has one, the state in which it is printed.
//!
//! `cases/ID.toml` has what belongs to the probe of that id. `tests/rootless/cards/fix_table.rs` reads it too, and says
//! which fix of a card is missing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// What is known about the fixes of one probe.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Table {
    /// The states that are made, with the printed fix executed in each.
    #[serde(default, rename = "case")]
    pub(crate) cases: Vec<Case>,
    /// The fixes that another test of the lab executes in their states.
    #[serde(default)]
    #[allow(dead_code, reason = "tests/rootless reads it")]
    pub(crate) elsewhere: Vec<Elsewhere>,
    /// The fixes that cannot be executed in the lab.
    #[serde(default)]
    #[allow(dead_code, reason = "tests/rootless reads it")]
    pub(crate) not_executed: Vec<NotExecuted>,
}

/// A state of a machine in which doctor prints a fix.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Case {
    /// The state in a few words.
    pub(crate) name: String,
    /// The facts that are measured in it. At least one of them is a finding, and none is after the fix.
    pub(crate) facts: BTreeMap<String, String>,
    /// The probe's verdict in it.
    pub(crate) verdict: String,
    /// The releases on which it is made.
    #[serde(default = "oldest_and_newest")]
    pub(crate) releases: Vec<String>,
    /// Who runs doctor and the fix.
    #[serde(default)]
    pub(crate) shell: ShellKind,
    /// What root does to make the state.
    #[serde(default)]
    pub(crate) root: String,
    /// What the user does to make it, in the shell from which doctor is then run.
    #[serde(default)]
    pub(crate) state: String,
    /// Further arguments of doctor.
    #[serde(default)]
    pub(crate) args: Vec<String>,
    /// Whether what the fix sets applies from the next login on, so that doctor runs in a new one afterwards.
    #[serde(default)]
    pub(crate) next_login: bool,
    /// The probe's verdict after the fix.
    #[serde(default = "ok")]
    pub(crate) then: String,
    /// A script in the same shell that fails if something that worked before the fix no longer works.
    #[serde(default)]
    pub(crate) works: String,
    /// What root does to undo all of it.
    #[serde(default)]
    pub(crate) undo: String,
}

/// The shell in which doctor and the printed commands are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ShellKind {
    /// Of the user `agent`, in a login session.
    #[default]
    Login,
    /// Of the user `agent`, outside any session, with the variables that lead to the user manager.
    Service,
    /// Of root; doctor examines the system manager.
    Root,
}

/// A fix that a test of its own executes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "tests/rootless reads it")]
pub(crate) struct Elsewhere {
    pub(crate) facts: BTreeMap<String, String>,
    /// The test's path: `scope::availability::FUNCTION`.
    pub(crate) test: String,
}

/// A fix that is not executed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "tests/rootless reads it")]
pub(crate) struct NotExecuted {
    pub(crate) facts: BTreeMap<String, String>,
    /// Why, in a sentence.
    pub(crate) reason: String,
}

fn oldest_and_newest() -> Vec<String> {
    vec!["debian-11".into(), "debian-14".into()]
}

fn ok() -> String {
    "ok".into()
}

/// Returns every table below the root of the repository, by the id of its probe.
pub(crate) fn tables(repository: &Path) -> BTreeMap<String, Table> {
    let files = fs::read_dir(repository.join("tests/lab/fixes/cases")).expect("the tables");
    let files = files.map(|file| file.expect("a file of the directory").path());
    files.map(|file| (id_of(&file), read(&file))).collect()
}

fn id_of(file: &Path) -> String {
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    stem.unwrap_or_else(|| panic!("{} is not named after a probe", file.display())).to_owned()
}

fn read(file: &Path) -> Table {
    let text = fs::read_to_string(file).expect("a table can be read");
    toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
