//! Measures what tmux says about a pane whose command was ended by a signal.

use std::collections::HashMap;

use super::support::bus_variables::BusVariables;
use super::support::kept_panes::{KEEP_PANES, LIST_PANES};
use crate::exec::Output;
use crate::fact_values;
use crate::host::process_exists;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const KILLED: Fact<Shown> = Fact::new("killed");
const SHELL: Fact<Shown> = Fact::new("shell");
const SIGNAL: Fact<Shown> = Fact::new("signal");
pub(crate) const FACTS: &[FactDecl] = &[KILLED.decl(), SHELL.decl(), SIGNAL.decl()];

fact_values! {
    /// Whether a format of tmux has a value.
    pub(crate) enum Shown {
        Shown = "shown",
        Empty = "empty",
    }
}

/// The status and the signal of the pane of each session.
type DeadPanes = HashMap<String, (String, String)>;

/// Opens three panes that exit at once and are kept: with status 3, by SIGKILL, and by SIGKILL below
/// a shell.
const OPEN_PANES: &[&str] = &[
    "new-session",
    "-d",
    "-s",
    "exited",
    "--",
    "sh",
    "-c",
    "exit 3",
    ";",
    "new-session",
    "-d",
    "-s",
    "killed",
    "--",
    "sh",
    "-c",
    "kill -s KILL $$",
    ";",
    "new-session",
    "-d",
    "-s",
    "shell",
    "--",
    "sh",
    "-c",
    "sh -c 'kill -s KILL $$'; exit $?",
];
/// The format of a list of panes.
const PANE_FORMAT: &str =
    "#{pane_pid} #{session_name} #{pane_dead} [#{pane_dead_status}] [#{pane_dead_signal}]";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let server = PrivateTmuxServer::start(context, "server", BusVariables::remove)?;
    let opened = server.command().args(KEEP_PANES).args(OPEN_PANES).run()?;
    if !opened.success() {
        return Err(NotMeasured::Unmeasured(format!(
            "the private tmux server did not open its panes: {}",
            opened.error_summary()
        )));
    }
    let (listed, panes) = dead_panes(&server)?;
    let of = |name: &str| panes.get(name).map_or(("", ""), |(a, b)| (a.as_str(), b.as_str()));
    if of("exited").0 != "3" {
        let reason = "tmux does not show the exit status of a pane that exited with 3";
        return Err(NotMeasured::Unmeasured(reason.into()));
    }
    let mut measurement = Measurement::default();
    for (fact, text) in [(KILLED, of("killed").0), (SHELL, of("shell").0), (SIGNAL, of("killed").1)]
    {
        let shown = if text.is_empty() { Shown::Empty } else { Shown::Shown };
        measurement.set_from(fact, shown, &listed);
    }
    Ok(measurement)
}

/// Returns the status and the signal of each session's pane, once tmux has noticed that all three exited.
fn dead_panes(server: &PrivateTmuxServer) -> Result<(Output, DeadPanes), NotMeasured> {
    let mut are_reaped = false;
    loop {
        let listed = server.command().args(LIST_PANES).arg(PANE_FORMAT).run()?;
        let text = listed.stdout_text();
        let panes: Vec<_> = text.lines().filter_map(dead_pane).collect();
        // The hook `pane-died` is missed together with SIGCHLD, so the state is polled. A pane is dead once its
        // terminal is closed, and has a status only once tmux has reaped its command.
        if panes.len() == 3 && are_reaped {
            let statuses = panes.into_iter().map(|(_, name, status)| (name, status));
            return Ok((listed, statuses.collect()));
        }
        are_reaped =
            panes.len() == 3 && !panes.iter().any(|(pid, ..)| pid.is_some_and(process_exists));
    }
}

/// Parses a line of the list; `None` for a pane whose command runs. tmux 3.8 shows no process id once it has reaped the
/// command.
fn dead_pane(line: &str) -> Option<(Option<u32>, String, (String, String))> {
    let (pid, rest) = line.split_once(' ')?;
    let (name, rest) = rest.split_once(" 1 [")?;
    let (status, signal) = rest.strip_suffix(']')?.split_once("] [")?;
    let pid = if pid.is_empty() { None } else { Some(pid.parse().ok()?) };
    Some((pid, name.to_owned(), (status.to_owned(), signal.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_pane_has_a_status_or_a_signal() {
        let pane = |status: &str, signal: &str| Some((status.to_owned(), signal.to_owned()));
        assert_eq!(dead_pane("12 exited 1 [3] []").map(|(.., pane)| pane), pane("3", ""));
        assert_eq!(dead_pane("12 killed 1 [] [9]").map(|(.., pane)| pane), pane("", "9"));
        assert_eq!(dead_pane(" killed 1 [] [9]").map(|(.., pane)| pane), pane("", "9"));
        assert_eq!(dead_pane("12 shell 0 [] []"), None);
    }
}
