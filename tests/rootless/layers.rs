//! The layers of docs/architecture.md: each file uses only its own layer and those below it. The test reads the
//! `use` lines and the paths that begin with `crate::` or `super::`.

use std::fs;
use std::path::Path;

/// The layers of the probes' package, the lowest first. The groups of probes are one layer.
const PROBE_LAYERS: [&str; 5] = ["exec", "host", "sandbox", GROUP, "runner"];
/// A module of the probes' package that is in no other layer: a group.
const GROUP: &str = "a group";

/// The modules of the doctor, the lowest first.
const DOCTOR_LAYERS: [&str; 14] = [
    "text",
    "judge",
    "exit",
    "diagnose",
    "fanout",
    "scopes",
    "locks",
    "report",
    "cli",
    "sink",
    "config",
    "report_sinks",
    "commands",
    "main",
];
/// The modules of the doctor that neither read nor write.
const PURE: [&str; 7] = ["text", "judge", "report", "diagnose", "fanout", "scopes", "locks"];
/// Modules that a pure module does not use.
const IMPURE: [&str; 5] = ["fs", "env", "net", "process", "exec"];

/// A module path that a file uses, such as `host::Cgroup`, and the line that names it.
#[derive(Debug, PartialEq, Eq)]
struct Use<'a> {
    line: usize,
    path: String,
    text: &'a str,
}

/// Returns the paths of the crate that a source file names. `module` is the file's own: `["scope", "support",
/// "bus_env"]`.
fn paths<'a>(module: &[&str], source: &'a str) -> Vec<Use<'a>> {
    let mut found = Vec::new();
    for (number, text) in source.lines().enumerate() {
        let code = text.split("//").next().unwrap_or_default();
        for (start, keyword) in code.match_indices("crate::").chain(code.match_indices("super::")) {
            let before = code[..start].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | ':')) {
                continue;
            }
            let mut rest = &code[start..];
            let mut path: Vec<&str> = Vec::new();
            if keyword == "super::" {
                path.extend(&module[..module.len().saturating_sub(1)]);
                rest = &rest["super::".len()..];
                while let Some(above) = rest.strip_prefix("super::") {
                    path.pop();
                    rest = above;
                }
            } else {
                rest = &rest["crate::".len()..];
            }
            for tail in alternatives(rest) {
                let segments = tail.split("::").map(str::trim).filter(|part| !part.is_empty());
                let path: Vec<&str> = path.iter().copied().chain(segments).collect();
                found.push(Use { line: number + 1, path: path.join("::"), text: text.trim() });
            }
        }
    }
    found
}

/// Expands the first braces of a path: `host::{A, b::C}` is `host::A` and `host::b::C`. A list that goes on in the
/// next line is represented by its prefix and what the line has of it.
fn alternatives(rest: &str) -> Vec<String> {
    let end =
        rest.find(|c: char| !(c.is_alphanumeric() || "_:{".contains(c))).unwrap_or(rest.len());
    let Some(brace) = rest[..end].find('{') else { return vec![rest[..end].to_owned()] };
    let (prefix, list) = rest.split_at(brace);
    let list = list.trim_start_matches('{').split(['}', ';']).next().unwrap_or_default();
    let names = list.split(',').map(|name| name.trim().trim_matches('{'));
    names.map(|name| format!("{prefix}{name}")).collect()
}

/// Returns why a file of the probes' package must not name a path, if it must not.
fn probe_violation(module: &[&str], path: &str) -> Option<String> {
    let layer_of = |name: &str| {
        let name = if PROBE_LAYERS.contains(&name) { name } else { GROUP };
        PROBE_LAYERS.iter().position(|layer| *layer == name)
    };
    let target = path.split("::").next()?;
    // The crate's root re-exports: `crate::Measurement`, `crate::fact_values!`.
    if !is_module(target) {
        return None;
    }
    let own = *module.first()?;
    if layer_of(target) > layer_of(own) {
        return Some(format!("{own} is below {target}"));
    }
    let is_group = layer_of(own) == layer_of("scope");
    if is_group && layer_of(target) == layer_of(own) && target != own {
        return Some(format!("the group {own} uses the group {target}"));
    }
    let is_support = module.get(1) == Some(&"support");
    if is_group && is_support && target == own && path.split("::").nth(1) != Some("support") {
        return Some(format!("the support of {own} uses one of its probes"));
    }
    None
}

/// Returns why a file of the doctor must not name a path, if it must not.
fn doctor_violation(module: &[&str], path: &str) -> Option<String> {
    let layer_of = |name: &str| DOCTOR_LAYERS.iter().position(|layer| *layer == name);
    let (own, target) = (*module.first()?, path.split("::").next()?);
    if layer_of(own).is_none() {
        return Some(format!("{own} is in no layer"));
    }
    (layer_of(target) > layer_of(own)).then(|| format!("{own} is below {target}"))
}

/// Reports whether a segment of a path names a module, and not a type or a macro.
fn is_module(name: &str) -> bool {
    name.starts_with(|c: char| c.is_lowercase()) && name != "fact_values" && name != "self"
}

/// Returns the module of a file: `scope/support/bus_env.rs` is `["scope", "support", "bus_env"]`.
fn module_of(file: &str) -> Vec<&str> {
    let mut module: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
    // The items of a mod.rs are in the module of its folder, so a `super::` in it leads one folder up.
    if module.last() == Some(&"mod") && module.len() > 1 {
        module.pop();
    }
    module
}

/// Returns the Rust files below a folder of the repository, with their paths relative to it.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name =
                    path.strip_prefix(&root).expect("below the folder").display().to_string();
                files.push((name, fs::read_to_string(&path).expect("a readable source file")));
            }
        }
    }
    files.sort();
    files
}

/// Checks every file of a folder, and returns what is wrong as `FILE:LINE: reason: text`.
fn violations(folder: &str, check: fn(&[&str], &str) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (file, source) in sources(folder) {
        let module = module_of(&file);
        // The crate's root and the registry name every layer, the fuzzers' invariants their parsers, and tests/ is another crate.
        if matches!(module[0], "lib" | "registry" | "tests" | "fuzz_invariants") {
            continue;
        }
        for Use { line, path, text } in paths(&module, &source) {
            if let Some(reason) = check(&module, &path) {
                wrong.push(format!("{folder}/{file}:{line}: {reason}: {text}"));
            }
        }
    }
    wrong
}

#[test]
fn a_layer_of_the_probes_uses_only_those_below_it() {
    assert_eq!(violations("probes", probe_violation), [""; 0]);
}

#[test]
fn a_layer_of_the_doctor_uses_only_those_below_it() {
    assert_eq!(violations("src", doctor_violation), [""; 0]);
}

#[test]
fn the_judge_and_the_report_neither_read_nor_write() {
    let mut wrong = Vec::new();
    for (file, source) in sources("src") {
        if PURE.contains(&module_of(&file)[0]) {
            wrong.extend(impure_lines(&source).map(|line| format!("src/{file}: {line}")));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

/// Returns the lines of a file, without its tests, that use what a pure module does not.
fn impure_lines(source: &str) -> impl Iterator<Item = &str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| is_impure(line))
}

fn is_impure(line: &str) -> bool {
    // The exit status is a value, and its type's path the only thing that is taken from std::process.
    let line = line.replace("process::ExitCode", "");
    let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    if line.starts_with("use ") {
        return words.any(|word| IMPURE.contains(&word));
    }
    IMPURE.iter().any(|module| {
        line.match_indices(&format!("{module}::"))
            .any(|(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}

#[test]
fn a_name_of_a_higher_layer_is_a_violation() {
    for (module, line, is_violation) in [
        (&["host", "cgroup"][..], "use crate::exec::Command;", false),
        (&["host", "cgroup"], "use crate::sandbox::RunId;", true),
        (&["exec", "child"], "    crate::host::Cgroup::of_pid(1)", true),
        (&["exec", "child"], "use super::{CommandError, Output};", false),
        (&["exec", "child"], "use super::super::runner::Probe;", true),
        (&["sandbox", "run_id"], "// See crate::runner::run.", false),
        (&["sandbox", "fact"], "        impl $crate::sandbox::FactValues for $name {", false),
        (&["sandbox", "fact"], "use crate::{exec::Command, runner::Probe};", true),
        (&["scope", "slice_name"], "use crate::scope::support::agent_slice;", false),
        (&["scope", "slice_name"], "use super::support::agent_slice;", false),
        (&["scope", "slice_name"], "use crate::tmux::support::pane::Pane;", true),
        (&["scope", "slice_name"], "use crate::runner::Schedule;", true),
        (&["scope", "support", "bus_env"], "use super::oom_policy;", false),
        (&["scope", "support", "bus_env"], "use crate::scope::slice_name;", true),
        (&["runner", "worker"], "use crate::scope::slice_name::measure;", false),
        (&["launcher", "env_block_split"], "use crate::Measurement;", false),
    ] {
        let found: Vec<_> = paths(module, line)
            .into_iter()
            .filter_map(|found| probe_violation(module, &found.path))
            .collect();
        assert_eq!(!found.is_empty(), is_violation, "{module:?}: {line}: {found:?}");
    }
}

#[test]
fn a_report_that_uses_a_command_or_a_file_is_a_violation() {
    for (module, line, is_violation) in [
        (&["report", "human"][..], "use crate::judge::Verdict;", false),
        (&["judge", "card"], "use crate::report::Report;", true),
        (&["report", "human"], "use crate::commands::run::Run;", true),
        (&["report", "human"], "use super::super::sink::width;", true),
        (&["commands", "check"], "use crate::report_sinks::ReportSinks;", false),
        (&["helpers"], "use crate::text::quote;", true),
    ] {
        let found = paths(module, line);
        let is_found = found.iter().any(|found| doctor_violation(module, &found.path).is_some());
        assert_eq!(is_found, is_violation, "{module:?}: {line}");
    }
}

#[test]
fn a_pure_module_that_reads_a_file_is_a_violation() {
    for (line, is_violation) in [
        ("use std::{fmt, fs};", true),
        ("use std::fs::File;", true),
        ("let text = std::env::var(\"HOME\");", true),
        ("use launch_probes::exec::Command;", true),
        ("use std::process::ExitCode;", false),
        ("use std::fmt;", false),
        ("let offs::Set = x;", false),
        ("/// The file system of the process.", false),
    ] {
        assert_eq!(impure_lines(line).count() > 0, is_violation, "{line}");
    }
    assert_eq!(impure_lines("mod a;\n#[cfg(test)]\nuse std::env;\n").count(), 0);
}
