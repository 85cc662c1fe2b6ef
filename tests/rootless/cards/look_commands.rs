//! A command that only looks is labelled as such on the card, and is never called a fix.

use launch_doctor::judge::{Card, Entry};

use super::lint;

/// Programs that change nothing, whatever their arguments.
const READERS: &[&str] = &[
    "cat", "df", "doctor", "env", "findmnt", "grep", "head", "id", "ls", "lslocks", "lsns",
    "namei", "oomctl", "pgrep", "printenv", "ps", "readlink", "ss", "stat", "tail", "type", "who",
];
/// Programs of which these words change nothing. A word that ends with `-` is the beginning of one.
const READING_WORDS: &[(&str, &[&str])] = &[
    // The program of a running tmux server.
    ("/proc/{old-pid}/exe", &["list-"]),
    ("busctl", &["get-property", "introspect", "list", "status", "tree"]),
    (
        "git",
        &[
            "branch --show-current",
            "config --get",
            "diff",
            "log",
            "rev-parse",
            "show",
            "status",
            "var",
        ],
    ),
    ("loginctl", &["list-", "seat-status", "session-status", "show-", "user-status"]),
    ("systemctl", &["cat", "get-", "is-", "list-", "show", "show-", "status"]),
    ("systemd-analyze", &["cat-config", "verify"]),
    ("systemd-cgls", &[""]),
    ("tmux", &["capture-pane -p", "display-message -p", "has-session", "list-", "ls", "show-"]),
];

/// Returns whether no part of a command can change anything.
fn only_looks(command: &str) -> bool {
    let substitution = regex::Regex::new(r"\$\([^()]*\)").expect("it is a regular expression");
    let command = substitution.replace_all(command, "VALUE").replace("2> /dev/null", "");
    if command.contains('>') {
        return false;
    }
    let parts = command.split(['|', ';', '&']).map(str::trim).filter(|part| !part.is_empty());
    parts.map(words_of_program).all(|words| part_only_looks(&words))
}

/// Returns the words of a command from its program on: without `sudo`, assignments and what enters a namespace.
fn words_of_program(part: &str) -> Vec<&str> {
    let words: Vec<&str> = part.split_whitespace().collect();
    let is_assignment =
        |word: &str| word.split_once('=').is_some_and(|(name, _)| !name.contains(['-', '/']));
    let start = words.iter().take_while(|word| **word == "sudo" || is_assignment(word)).count();
    let words = &words[start..];
    match (words.first(), words.iter().position(|word| *word == "--")) {
        (Some(&"nsenter"), Some(end)) => words[end + 1..].to_vec(),
        _ => words.to_vec(),
    }
}

fn part_only_looks(words: &[&str]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return true };
    let has = |word: &str| arguments.contains(&word);
    match *program {
        "command" => has("-v") || has("-V"),
        "find" => !["-delete", "-exec", "-execdir", "-ok"].iter().any(|action| has(action)),
        "fuser" => !has("-k"),
        "journalctl" => {
            let acts = [
                "--flush",
                "--rotate",
                "--sync",
                "--vacuum",
                "--update-catalog",
                "--relinquish-var",
            ];
            !arguments.iter().any(|it| acts.iter().any(|act| it.starts_with(act)))
        }
        "mount" => arguments.is_empty(),
        "sysctl" => !has("-w") && !arguments.iter().any(|it| it.contains('=')),
        program if READERS.contains(&program) => true,
        program => READING_WORDS.iter().any(|(name, reading)| {
            *name == program && reading.iter().any(|words| begins_with(arguments, words))
        }),
    }
}

/// Returns whether the first arguments that are no options are these words.
fn begins_with(arguments: &[&str], words: &str) -> bool {
    let takes_value = |word: &str| ["-C", "-S", "-L", "-M", "-H"].contains(&word);
    let mut from = 0;
    while let Some(word) = arguments.get(from).filter(|word| word.starts_with(['-', '{'])) {
        from += if takes_value(word) { 2 } else { 1 };
    }
    let rest = arguments.get(from..).unwrap_or_default().join(" ");
    rest.strip_prefix(words).is_some_and(|rest| {
        words.is_empty() || words.ends_with('-') || rest.is_empty() || rest.starts_with(' ')
    })
}

/// Returns every command that a card calls a fix, with where it has it.
fn fixes(card: &Card) -> impl Iterator<Item = (String, &String)> {
    let of_values = card.facts.iter().flat_map(|(name, fact)| {
        fact.values.iter().flat_map(move |(value, meaning)| {
            meaning.fix.iter().map(move |command| (format!("`{name} = {value}`"), command))
        })
    });
    let of_signatures = card.signatures.iter().flat_map(|signature| {
        signature.fix.iter().map(move |command| (format!("`{}`", signature.literal), command))
    });
    let of_workaround =
        card.workaround.commands.iter().map(|command| ("the workaround".to_owned(), command));
    of_values.chain(of_signatures).chain(of_workaround)
}

#[test]
fn no_command_that_only_looks_is_called_a_fix() {
    lint(|Entry { card, .. }| {
        fixes(card)
            .filter(|(_, command)| only_looks(command))
            .map(|(place, command)| {
                format!("{place}: `{command}` only looks: it belongs under `look`, not under a fix")
            })
            .collect()
    });
}

#[test]
fn no_command_under_look_changes_anything() {
    lint(|Entry { card, .. }| {
        let values = card.facts.values().flat_map(|fact| fact.values.values());
        let looks = values
            .flat_map(|value| &value.look)
            .chain(card.signatures.iter().flat_map(|signature| &signature.look))
            .chain(&card.workaround.look);
        looks
            .filter(|command| !only_looks(command))
            .map(|command| format!("`{command}` is under `look`, and may change something"))
            .collect()
    });
}

#[test]
fn commands_that_look_and_commands_that_fix_are_distinguished() {
    let looks = [
        "cat /sys/fs/cgroup/cgroup.controllers",
        "sudo nsenter --target 1 --mount -- ls -l FILE",
        "systemctl {manager} status {unit}",
        "systemctl --user list-units --failed",
        "git -C {top} status",
        "env | grep '^GIT_'",
        "journalctl --user -n 20",
        "sudo find /proc/[0-9]*/fd -lname {lock}",
        "XDG_RUNTIME_DIR=$(mktemp -d) systemd-analyze --user verify UNIT",
        "tmux -S {socket} list-panes -a",
        "type -a systemd-run",
    ];
    let fixes = [
        "cat A > B",
        "sudo systemctl start dbus.socket",
        "systemctl {manager} reset-failed",
        "systemctl --user restart status.service",
        "git -C {top} rebase --abort",
        "unset GIT_DIR",
        "export PATH=\"$PATH\":/usr/bin",
        "printf '%s\\n' x | sudo tee /etc/x",
        "find . -name '*.lock' -delete",
        "journalctl --rotate",
        "tmux -S {socket} set-environment -g -u GIT_DIR",
    ];
    for command in looks {
        assert!(only_looks(command), "{command}");
    }
    for command in fixes {
        assert!(!only_looks(command), "{command}");
    }
}
