use std::collections::BTreeSet;

use launch_doctor::judge::Entry;
use regex::Regex;

use super::catalogue;

/// The projects whose sources are cited.
const PROJECTS: &str = "systemd|systemd-stable|tmux|git|util-linux|Linux|dbus|dbus-broker|polkit|bash|dash|libevent|ncurses|Debian|vscode-remote-release";
/// A version: systemd 257 or v257.13, tmux 3.5a, git 2.47.0.
const VERSION: &str = r"\bv?(\d{3}(\.\d+)?|\d+\.\d+(\.\d+)?[a-z]?)\b";

/// Each form of a citation, with what a reader needs to look it up.
#[test]
fn a_source_names_its_component_and_where_in_it_the_fact_is() {
    let mut wrong = Vec::new();
    for Entry { card, .. } in catalogue().entries() {
        let expectations = card.facts.values().flat_map(|fact| &fact.expect);
        let of_boundaries = expectations.filter_map(|expect| expect.source.as_ref());
        let sources: BTreeSet<&String> = card.sources.iter().chain(of_boundaries).collect();
        for source in sources {
            if let Err(missing) = check(source) {
                wrong.push(format!("{}: {missing}: {source}", card.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Checks the form of a citation, and says what is missing.
fn check(source: &str) -> Result<(), &'static str> {
    let is = |pattern: &str| Regex::new(pattern).unwrap().is_match(source);
    // Measured in the lab: on which versions.
    if is("^([Ll]ab\\b|Measured in the lab)") {
        return if is(VERSION) { Ok(()) } else { Err("no version") };
    }
    // NAME(SECTION): an option, a heading or a sentence.
    if is(&format!(r"^(({PROJECTS}), )?[\w@.:+-]+\([1-9]\)")) {
        let is_exact = is(r"\([1-9]\)[^,:;]*[,:] *\S")
            && !is(r"^[\w@.:+-]+\([1-9]\)(, [\w@.:+-]+\([1-9]\))*$");
        return if is_exact { Ok(()) } else { Err("no option or heading of the man page") };
    }
    if !is(&format!(r"^({PROJECTS}|POSIX|RFC \d+)\b")) {
        return Err("no component");
    }
    // A standard, by its section.
    if is(r"^(POSIX|RFC \d+)") {
        return if is(r"\d") { Ok(()) } else { Err("no section") };
    }
    let versions = r"( v?\d[\d.]*[a-z]?(( to |, | and )v?\d[\d.]*[a-z]?)*)?";
    // A commit, pull request or issue: its number, and the version that has it.
    if is(&format!(r"^({PROJECTS}){versions},? (pull requests?|issues?|commits?) [\da-f]{{4,}}")) {
        return if is(VERSION) { Ok(()) } else { Err("no version") };
    }
    // Release notes, by version.
    if is(r"(?i)\b(NEWS|release notes|CHANGES)\b") {
        return if is(VERSION) { Ok(()) } else { Err("no version") };
    }
    // A project at a version.
    if is(&format!(r"^({PROJECTS}) {VERSION}: \S")) || is(&format!("^({PROJECTS}): .*{VERSION}")) {
        return Ok(());
    }
    // PROJECT[ VERSION], FILE, FUNCTION or constant; and versions, or what the project's version is.
    let file = r"[\w@./-]+\.(c|h|in|rst|xml|sh|py|md|conf|service|policy|rules|y|txt)";
    if is(&format!(r"^({PROJECTS}){versions}[,:] (.*[ (])?{file}")) {
        let identifier = r"(\w+_\w+|\w+\(\)|[A-Z]{4,})";
        if !is(&format!(r"{file}(, \S| in \S| \(|: .*{identifier})")) {
            return Err("no function, constant or section");
        }
        // A header's constant and a page's section are stable; code is not.
        return if is(VERSION) || !is(r"\.c\b") { Ok(()) } else { Err("no version") };
    }
    Err("no file, man page, commit or release notes")
}

#[test]
fn each_form_of_a_citation_is_known_and_needs_its_parts() {
    for source in [
        "loginctl(1), enable-linger; logind.conf(5), UserStopDelaySec=",
        "systemd-run(1): a service runs \"in a clean environment\"",
        "systemd, src/core/slice.c, slice_load: a slice without a file is no error (247 to 262)",
        "systemd 257, src/login/logind-user.c, user_may_gc",
        "systemd 247 to 262, src/login/logind-dbus.c, method_set_user_linger: root passes",
        "Linux 6.12, Documentation/admin-guide/cgroup-v2.rst, Weights: the weights are added up",
        "systemd pull request 34881 (257): the process id instead of random bits",
        "tmux commit 2d5736f29 (3.7): at most 1000 words",
        "systemd NEWS 258: --expand-environment= is enabled by default",
        "tmux, CHANGES FROM 3.3a TO 3.4: panes in cgroups of their own",
        "Linux 6.9: pidfs",
        "POSIX, Shell Command Language 2.8.1: a redirection error ends the shell",
        "lab: systemd 247, 252, 254, 257, 262",
    ] {
        assert_eq!(check(source), Ok(()), "{source}");
    }
    for (source, missing) in [
        ("flock(1), flock(2)", "no option or heading of the man page"),
        ("the manual", "no component"),
        ("systemd, src/core/slice.c, slice_load", "no version"),
        ("systemd, src/core/slice.c", "no function, constant or section"),
        ("tmux commit 2d5736f29: at most 1000 words", "no version"),
        ("systemd: it is so", "no file, man page, commit or release notes"),
        ("lab: it was tried", "no version"),
    ] {
        assert_eq!(check(source), Err(missing), "{source}");
    }
}
