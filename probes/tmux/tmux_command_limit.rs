//! The longest command that tmux takes for a pane, and what becomes of a `;` at the end of a word.

use std::fs;

use super::pane::Pane;
use crate::sandbox::{Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// How many bytes the words of a command may have, each with a byte behind it: an imsg of 16384
/// bytes holds them, with its header of 16 and a count of 4 (upstream client.c).
const LONGEST: usize = 16364;
/// How many words a command may have where they are counted.
const MOST: usize = 1000;
/// The words of a command whose length is measured; more are added.
const OPENING: [&str; 6] = ["new-window", "-d", "--", "sh", "-c", "exec cat"];
/// What a pane runs: it writes its words from `$2` on to the file `$1`, a line each, and tells on
/// the channel `$0` that it lives.
const TELL: &str = "f=$1; shift; printf '%s\\n' \"$@\" >\"$f\"; tmux wait-for -S \"$0\"; exec cat";
/// The option by which it is seen that a word has become a tmux command.
const OPTION: &str = "@doctor";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let server = TmuxServer::start(sandbox, "server", |tmux| tmux)?;
    Pane::watch(&server)?;
    Pane::open(&server, "base", &Pane::living("base"), |tmux| tmux)?.live()?;

    let mut measurement = Measurement::default();
    let lengths = [("longest", LONGEST), ("too-long", LONGEST + 1)];
    let counts = [("thousand-words", MOST), ("more-words", MOST + 1)];
    let long = lengths.map(|(fact, bytes)| (fact, words_of_bytes(bytes)));
    let many = counts.map(|(fact, count)| (fact, words_of_count(count)));
    for (fact, words) in long.into_iter().chain(many) {
        let (fate, run) = open(&server, &words)?;
        measurement.fact_from(fact, fate, &run);
    }
    let behind = ["a;", "set-option", "-g", OPTION, "set"];
    for (fact, name, words) in [
        ("last-semicolon", "last", &["a;"][..]),
        ("escaped-semicolon", "escaped", &["a\\;"]),
        ("semicolon-inside-word", "inside", &["a;b"]),
        ("semicolon-before-words", "before", &behind),
    ] {
        let (fate, run) = deliver(sandbox, &server, name, words)?;
        measurement.fact_from(fact, fate, &run);
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let told = |fact: &str| measurement.facts[fact].as_str();
    format!(
        "a command of {LONGEST} bytes was {}, one of {} {}, one of {} words {}; a `;` at the end \
         of the last word was {}",
        told("longest"),
        LONGEST + 1,
        told("too-long"),
        MOST + 1,
        told("more-words"),
        if told("last-semicolon") == "whole" { "kept" } else { "cut off" }
    )
}

/// A command whose words have so many bytes.
fn words_of_bytes(bytes: usize) -> Vec<String> {
    let mut words = OPENING.map(str::to_owned).to_vec();
    let used: usize = words.iter().map(|word| word.len() + 1).sum();
    words.push("x".repeat(bytes - used - 1));
    words
}

/// A command of so many words.
fn words_of_count(count: usize) -> Vec<String> {
    let mut words = OPENING.map(str::to_owned).to_vec();
    words.resize(count, "x".to_owned());
    words
}

/// Opens a window, and looks whether it is there.
fn open(server: &TmuxServer, words: &[String]) -> Result<(&'static str, Completed), Unable> {
    let before = windows(server)?;
    let run = server.command().args(words).run()?;
    match (run.success(), windows(server)? - before) {
        (true, 1) => Ok(("taken", run)),
        (false, 0) => Ok(("refused", run)),
        (_, opened) => Err(Unable::Unmeasured(format!(
            "tmux opened {opened} windows and ended with {}",
            run.ending()
        ))),
    }
}

/// How many windows there are; a server that has ended has none.
fn windows(server: &TmuxServer) -> Result<i64, Unable> {
    let listed = server.command().args(["list-windows", "-a", "-F", "x"]).run()?;
    i64::try_from(listed.text().lines().count()).map_err(|error| {
        Unable::Unmeasured(format!("the windows of the server could not be counted: {error}"))
    })
}

/// Opens a pane with `words` and compares them with those that it got.
fn deliver(
    sandbox: &Sandbox,
    server: &TmuxServer,
    name: &'static str,
    words: &[&str],
) -> Result<(&'static str, Completed), Unable> {
    let file = sandbox.dir().join(name);
    let told = file.to_string_lossy();
    let command = [&["sh", "-c", TELL, name, &told][..], words].concat();
    let pane = Pane::open(server, name, &command, |tmux| tmux)?.live()?;
    let got = fs::read_to_string(&file)?;
    let option = server.command().args(["show-options", "-gqv", OPTION]).run()?;
    let fate = match () {
        () if option.text() == "set" => "run",
        () if got.lines().eq(words.iter().map(|word| word.replace("\\;", ";"))) => "whole",
        () => "cut",
    };
    Ok((fate, pane.opened))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_the_length_that_was_asked_for() {
        let words = words_of_bytes(LONGEST);
        assert_eq!(words.iter().map(|word| word.len() + 1).sum::<usize>(), LONGEST);
        assert_eq!(words_of_count(MOST).len(), MOST);
    }
}
