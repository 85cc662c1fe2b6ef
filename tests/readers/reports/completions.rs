use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use tempfile::TempDir;

use super::doctor;
use super::report_readers::{fed, program};

/// Puts a shell's completions into a file.
fn written(shell: &str, dir: &Path) -> String {
    let output = doctor().args(["completions", shell]).assert().code(0).stderr("");
    let file = dir.join("completions");
    fs::write(&file, &output.get_output().stdout).unwrap();
    file.display().to_string()
}

/// What a shell makes of a script.
fn run(command: &mut Command, script: &str) -> Vec<String> {
    let output = fed(command, script);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().map(str::to_owned).collect()
}

const FORMATS: [&str; 11] = [
    "human",
    "json",
    "ndjson",
    "junit",
    "tap",
    "nagios",
    "prometheus",
    "github",
    "markdown",
    "sarif",
    "html",
];

#[rstest]
#[case::formats(&["doctor", "check", "--format", ""], &FORMATS)]
#[case::probes(&["doctor", "explain", "env-b"], &["env-block-spaces"])]
#[case::groups(&["doctor", "check", "sco"], &["scope", "scope-availability"])]
#[case::commands(&["doctor", "comp"], &["completions"])]
fn bash_completes(#[case] words: &[&str], #[case] expected: &[&str]) {
    let dir = TempDir::new().unwrap();
    let file = written("bash", dir.path());
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source {file}; COMP_WORDS=({}); COMP_CWORD={}; \
         _doctor doctor '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
        quoted.join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2],
    );
    let offered = run(program("bash").args(["--norc", "--noprofile"]), &script);
    assert_offered(&offered, words[words.len() - 1], expected);
}

#[rstest]
#[case::formats("doctor check --format ", &FORMATS)]
#[case::probes("doctor explain env-b", &["env-block-spaces"])]
#[case::groups("doctor check sco", &["scope", "scope-availability"])]
fn fish_completes(#[case] line: &str, #[case] expected: &[&str]) {
    let dir = TempDir::new().unwrap();
    let file = written("fish", dir.path());
    let script =
        format!("source {file}; complete --do-complete '{line}' | string split -f1 \\t; true");
    let home = dir.path().display().to_string();
    let mut fish = program("fish");
    fish.arg("--no-config").env("HOME", &home).env("XDG_CONFIG_HOME", &home);
    let offered = run(&mut fish, &script);
    assert_offered(&offered, line.split(' ').next_back().unwrap(), expected);
}

/// Asserts that what is offered begins with what was typed, and that all that is expected is there.
#[track_caller]
fn assert_offered(offered: &[String], typed: &str, expected: &[&str]) {
    assert!(offered.iter().all(|word| word.starts_with(typed)), "{typed}: {offered:?}");
    for expected in expected {
        assert!(offered.iter().any(|word| word == expected), "{expected}: {offered:?}");
    }
}

#[test]
fn zsh_loads_the_function_for_doctor() {
    let dir = TempDir::new().unwrap();
    let file = written("zsh", dir.path());
    let function = dir.path().join("_doctor");
    fs::rename(file, &function).unwrap();
    let script = format!(
        "fpath=({} $fpath); autoload -Uz compinit; compinit -u -D; \
         print $_comps[doctor]; autoload +X _doctor && whence -w _doctor",
        dir.path().display()
    );
    assert_eq!(run(program("zsh").arg("-f"), &script), ["_doctor", "_doctor:", "function"]);
    assert!(fs::read_to_string(function).unwrap().contains("env-block-spaces"));
}

#[rstest]
fn the_other_shells_get_a_script_too(#[values("elvish", "powershell")] shell: &str) {
    let dir = TempDir::new().unwrap();
    let text = fs::read_to_string(written(shell, dir.path())).unwrap();
    assert!(text.contains("--format") && text.contains("explain"), "{text}");
}

#[test]
fn an_unknown_shell_is_answered_with_those_there_are() {
    doctor().args(["completions", "tcsh"]).assert().code(2).stdout("").stderr(
        "doctor: invalid value 'tcsh' for '<SHELL>'; did you mean `zsh`?; possible values: bash, elvish, fish, powershell, zsh\n",
    );
}
