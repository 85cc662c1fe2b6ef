//! Measures the longest command that tmux accepts for a pane, and what it does with a `;` at the end
//! of a word.

use super::support::bus_variables::BusVariables;
use super::support::pane::PaneBuilder;
use super::support::pane_fifo::PaneFifo;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const LONGEST: Fact<Acceptance> = Fact::new("longest");
const TOO_LONG: Fact<Acceptance> = Fact::new("too-long");
const THOUSAND_WORDS: Fact<Acceptance> = Fact::new("thousand-words");
const MORE_WORDS: Fact<Acceptance> = Fact::new("more-words");
const LAST_SEMICOLON: Fact<Delivery> = Fact::new("last-semicolon");
const ESCAPED_SEMICOLON: Fact<Delivery> = Fact::new("escaped-semicolon");
const SEMICOLON_INSIDE_WORD: Fact<Delivery> = Fact::new("semicolon-inside-word");
const SEMICOLON_BEFORE_WORDS: Fact<DeliveryBeforeWords> = Fact::new("semicolon-before-words");
pub(crate) const FACTS: &[FactDecl] = &[
    LONGEST.decl(),
    TOO_LONG.decl(),
    THOUSAND_WORDS.decl(),
    MORE_WORDS.decl(),
    LAST_SEMICOLON.decl(),
    ESCAPED_SEMICOLON.decl(),
    SEMICOLON_INSIDE_WORD.decl(),
    SEMICOLON_BEFORE_WORDS.decl(),
];

fact_values! {
    /// Whether tmux opens a window for a command.
    pub(crate) enum Acceptance {
        Accepted = "taken",
        Refused = "refused",
    }
}

fact_values! {
    /// How a last word reaches the pane.
    pub(crate) enum Delivery {
        Whole = "whole",
        Cut = "cut",
    }
}

fact_values! {
    /// How a word reaches the pane that has other words after it.
    pub(crate) enum DeliveryBeforeWords {
        Whole = "whole",
        Cut = "cut",
        /// tmux ran the words after it.
        RunByTmux = "run",
    }
}

/// The most bytes that the words of a command may have, with one NUL for each: an imsg of 16384 bytes
/// holds them, its header of 16 and a count of 4 (tmux, client.c, `client_main`).
const MAX_BYTES: usize = 16364;
/// The most words of a command where tmux counts them.
const MAX_WORDS: usize = 1000;
/// The words that every measured command begins with. tmux prints the window's id for them.
const NEW_WINDOW: [&str; 9] =
    ["new-window", "-d", "-P", "-F", "#{window_id}", "--", "sh", "-c", "read -r line"];
/// Runs its words with one more word of `$0` letters.
const WITH_LONG_WORD: &str = "exec \"$@\" \"$(printf \"%0$0d\" 0)\"";
/// Runs its words with `$0` more words.
const WITH_WORDS: &str = "exec \"$@\" $(seq \"$0\")";
/// The script of a pane: it reports its words from `$2` on through the FIFO `$1`, after its name `$0`.
const REPORT_WORDS: &str = "fifo=$1; shift; echo \"$0 $*\" >\"$fifo\"; read -r line";
/// What tmux prints if it runs a word as its own command.
const EXECUTED: &str = "run-by-tmux";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    // Without a bus tmux requests no scopes, which do not matter here.
    let server = PrivateTmuxServer::start(context, "server", BusVariables::remove)?;
    let mut fifo = PaneFifo::create(context)?;

    let mut measurement = Measurement::default();
    let words_after = ["a;", "display-message", "-p", EXECUTED];
    let deliveries = [
        (LAST_SEMICOLON, "last", &["a;"][..]),
        (ESCAPED_SEMICOLON, "escaped", &["a\\;"]),
        (SEMICOLON_INSIDE_WORD, "inside", &["a;b"]),
    ];
    for (fact, name, words) in deliveries {
        let (is_whole, run) = open_with_words(&server, &mut fifo, name, words)?;
        measurement.set_from(fact, if is_whole { Delivery::Whole } else { Delivery::Cut }, &run);
    }
    let (is_whole, run) = open_with_words(&server, &mut fifo, "before", &words_after)?;
    let was_executed = run.stdout_text().lines().any(|line| line == EXECUTED);
    let delivery = match (was_executed, is_whole) {
        (true, _) => DeliveryBeforeWords::RunByTmux,
        (false, true) => DeliveryBeforeWords::Whole,
        (false, false) => DeliveryBeforeWords::Cut,
    };
    measurement.set_from(SEMICOLON_BEFORE_WORDS, delivery, &run);
    let mut windows = deliveries.len() + 1;
    for (fact, script, count) in [
        (LONGEST, WITH_LONG_WORD, MAX_BYTES - new_window_bytes() - 1),
        (TOO_LONG, WITH_LONG_WORD, MAX_BYTES - new_window_bytes()),
        (THOUSAND_WORDS, WITH_WORDS, MAX_WORDS - NEW_WINDOW.len()),
        (MORE_WORDS, WITH_WORDS, MAX_WORDS - NEW_WINDOW.len() + 1),
    ] {
        let shell = ["sh".into(), "-c".into(), script.to_owned(), count.to_string()];
        let run = server.command().args(NEW_WINDOW).wrapped_in(shell).run()?;
        let is_accepted = run.success() && !run.stdout_text().is_empty();
        windows += usize::from(is_accepted);
        let acceptance = if is_accepted { Acceptance::Accepted } else { Acceptance::Refused };
        measurement.set_from(fact, acceptance, &run);
    }
    require_window_count(&server, windows)?;
    Ok(measurement)
}

/// Returns the bytes of the words that every command begins with, with one NUL for each.
fn new_window_bytes() -> usize {
    NEW_WINDOW.iter().map(|word| word.len() + 1).sum()
}

/// Ends the measurement unless each accepted command has opened one window, and no other has.
fn require_window_count(server: &PrivateTmuxServer, expected: usize) -> Result<(), NotMeasured> {
    let listed = server.command().args(["list-windows", "-a", "-F", "x"]).run()?;
    match listed.stdout_text().lines().count() {
        found if found == expected => Ok(()),
        found => {
            let reason = format!("the private tmux server has {found} windows, not {expected}");
            Err(NotMeasured::Unmeasured(reason))
        }
    }
}

/// Opens a pane with `words`, and returns whether it received all of them unchanged.
fn open_with_words(
    server: &PrivateTmuxServer,
    fifo: &mut PaneFifo,
    name: &'static str,
    words: &[&str],
) -> Result<(bool, Output), NotMeasured> {
    let path = fifo.path().to_string_lossy().into_owned();
    let command = [&["sh", "-c", REPORT_WORDS, name, &path][..], words].concat();
    let [pane] = PaneBuilder::new(server.command()).pane(name, &command).run()?;
    let received = pane.require_alive(fifo)?;
    Ok((received == words.join(" ").replace("\\;", ";"), pane.opened))
}
