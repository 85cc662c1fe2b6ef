//! The longest command that tmux takes for a pane, and what becomes of a `;` at the end of a word.

use super::bus_variables::BusVariables;
use super::pane::Opening;
use super::pane_pipe::PanePipe;
use crate::sandbox::{Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// How many bytes the words of a command may have, each with a byte behind it: an imsg of 16384
/// bytes holds them, with its header of 16 and a count of 4 (upstream client.c).
const LONGEST: usize = 16364;
/// How many words a command may have where they are counted.
const MOST: usize = 1000;
/// The words of a command whose length is measured; more are added. It prints the window's id.
const OPENING: [&str; 9] =
    ["new-window", "-d", "-P", "-F", "#{window_id}", "--", "sh", "-c", "read -r line"];
/// Runs its words with one more behind them, a word of `$0` letters.
const WITH_LONG_WORD: &str = "exec \"$@\" \"$(printf \"%0$0d\" 0)\"";
/// Runs its words with `$0` more behind them.
const WITH_WORDS: &str = "exec \"$@\" $(seq \"$0\")";
/// What a pane runs: it tells its words from `$2` on through the pipe `$1`, behind its name `$0`.
const TELL: &str = "pipe=$1; shift; echo \"$0 $*\" >\"$pipe\"; read -r line";
/// What tmux prints if a word has become a tmux command.
const RUN: &str = "run-by-tmux";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    // Without a bus tmux asks for no scopes, which do not matter here.
    let server = TmuxServer::start(sandbox, "server", BusVariables::remove)?;
    let mut pipe = PanePipe::make(sandbox)?;

    let mut measurement = Measurement::default();
    let behind = ["a;", "display-message", "-p", RUN];
    let deliveries = [
        ("last-semicolon", "last", &["a;"][..]),
        ("escaped-semicolon", "escaped", &["a\\;"]),
        ("semicolon-inside-word", "inside", &["a;b"]),
        ("semicolon-before-words", "before", &behind),
    ];
    for (fact, name, words) in deliveries {
        let (fate, run) = deliver(&server, &mut pipe, name, words)?;
        measurement.fact_from(fact, fate, &run);
    }
    let mut windows = deliveries.len();
    for (fact, script, more) in [
        ("longest", WITH_LONG_WORD, LONGEST - opening_bytes() - 1),
        ("too-long", WITH_LONG_WORD, LONGEST - opening_bytes()),
        ("thousand-words", WITH_WORDS, MOST - OPENING.len()),
        ("more-words", WITH_WORDS, MOST - OPENING.len() + 1),
    ] {
        let shell = ["sh".into(), "-c".into(), script.to_owned(), more.to_string()];
        let run = server.command().args(OPENING).behind(shell).run()?;
        let is_taken = run.success() && !run.text().is_empty();
        windows += usize::from(is_taken);
        measurement.fact_from(fact, if is_taken { "taken" } else { "refused" }, &run);
    }
    expect_windows(&server, windows)?;
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

/// The bytes that the opening takes, with one behind each word.
fn opening_bytes() -> usize {
    OPENING.iter().map(|word| word.len() + 1).sum()
}

/// Sees that what was refused has opened no window, and what was taken one.
fn expect_windows(server: &TmuxServer, expected: usize) -> Result<(), Unable> {
    let listed = server.command().args(["list-windows", "-a", "-F", "x"]).run()?;
    match listed.text().lines().count() {
        found if found == expected => Ok(()),
        found => {
            let reason = format!("the private tmux server has {found} windows, not {expected}");
            Err(Unable::Unmeasured(reason))
        }
    }
}

/// Opens a pane with `words` and compares them with those that it got.
fn deliver(
    server: &TmuxServer,
    pipe: &mut PanePipe,
    name: &'static str,
    words: &[&str],
) -> Result<(&'static str, Completed), Unable> {
    let path = pipe.path().to_string_lossy().into_owned();
    let words_of_pane = [&["sh", "-c", TELL, name, &path][..], words].concat();
    let [pane] = Opening::by(server.command()).pane(name, &words_of_pane).run()?;
    let got = pane.live(pipe)?;
    let fate = match () {
        () if pane.opened.text().lines().any(|line| line == RUN) => "run",
        () if got == words.join(" ").replace("\\;", ";") => "whole",
        () => "cut",
    };
    Ok((fate, pane.opened))
}
