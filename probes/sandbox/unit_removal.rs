use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::command::Command;
use super::command_error::CommandError;
use super::completed::Completed;
use super::settings::Manager;
use super::unit_file::remove_unit_files;
use crate::host::{SocketState, User};

/// How long a manager that has answered before may take while units are removed.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);
/// A unit that every manager has.
const ROOT: &str = "-.slice";

/// Stops and forgets every unit whose name begins with `prefix`, and waits until they are gone; their
/// unit files are removed first. Where there is no manager there is nothing to remove.
///
/// # Errors
/// When the manager does not answer within `patience`, or with what cannot be so.
pub(super) fn remove_units(
    manager: Manager,
    prefix: &str,
    patience: Duration,
) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    Systemctl::new(manager, patience).remove(prefix).map(drop)
}

/// The same after a probe that was cut short: a launch may have been killed after it had sent its
/// request, so that the manager may make the unit yet, and tmux servers are among the `killed`
/// processes, whose panes' scopes are stopped, too.
///
/// # Errors
/// When the manager does not answer in time, or with what cannot be so.
pub(super) fn remove_units_under_way(
    manager: Manager,
    prefix: &str,
    killed: &BTreeSet<Pid>,
) -> Result<(), CommandError> {
    let removed = remove_until_none_comes(manager, prefix);
    remove_pane_scopes(manager, killed).and(removed)
}

fn remove_until_none_comes(manager: Manager, prefix: &str) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    let mut systemctl = Systemctl::new(manager, PATIENCE);
    // Requests of --wait and --pipe go over the message bus, and systemctl's do not: they may
    // overtake. What asks over the bus, too, comes behind.
    let ping =
        ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer"];
    let _ = systemctl.command("busctl").arg("call").args(ping).arg("Ping").run();
    let mut empty_lists = 0;
    while empty_lists < 2 {
        empty_lists = if systemctl.remove(prefix)? { empty_lists + 1 } else { 0 };
    }
    Ok(())
}

/// The way to a manager while units are removed.
struct Systemctl {
    manager: Manager,
    deadline: Instant,
    /// Where the user's manager usually listens, if the environment does not lead to it.
    runtime_dir: Option<PathBuf>,
}

impl Systemctl {
    fn new(manager: Manager, patience: Duration) -> Self {
        Self { manager, deadline: Instant::now() + patience, runtime_dir: None }
    }

    fn command(&self, program: &str) -> Command {
        let command = Command::new(program, self.deadline).arg(self.manager.option());
        match &self.runtime_dir {
            Some(dir) => command.env("XDG_RUNTIME_DIR", dir).env_remove("DBUS_SESSION_BUS_ADDRESS"),
            None => command,
        }
    }

    fn ask(&self, words: &[&str], units: &[&str]) -> Result<Completed, CommandError> {
        self.command("systemctl").args(words).arg("--").args(units).run()
    }

    /// Lists units by a pattern, with the root slice, which is always there; `None` if there is no
    /// manager, neither where the environment leads nor where the user's usually is.
    fn list(&mut self, pattern: &str) -> Result<Option<String>, CommandError> {
        const LIST: [&str; 5] = ["list-units", "--all", "--plain", "--no-legend", "--full"];
        let mut listed = self.ask(&LIST, &[pattern, ROOT]);
        let is_refused = listed.as_ref().is_ok_and(|listed| !listed.success());
        if is_refused && self.manager == Manager::User {
            self.runtime_dir = Some(User::current().runtime_dir());
            listed = self.ask(&LIST, &[pattern, ROOT]);
        }
        match listed {
            Ok(listed) if listed.success() => {
                let text = listed.text();
                if text.lines().any(|line| line.starts_with(ROOT)) {
                    return Ok(Some(text));
                }
                let source = io::Error::other("it lists no root slice");
                Err(CommandError::Output { command: listed.words.join(" "), source })
            }
            Ok(refused) if self.is_there() => {
                let source = io::Error::other(refused.failure());
                Err(CommandError::Output { command: refused.words.join(" "), source })
            }
            Err(error) if matches!(error, CommandError::Deadline { .. }) || self.is_there() => {
                Err(error)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Whether a manager listens, whatever systemctl says.
    fn is_there(&self) -> bool {
        let socket = match self.manager {
            Manager::User => User::current().runtime_dir().join("systemd/private"),
            Manager::System => PathBuf::from("/run/systemd/private"),
        };
        SocketState::of(&socket) == SocketState::Live
    }

    /// Stops and forgets the units that the manager has now. Says whether it had none.
    fn remove(&mut self, prefix: &str) -> Result<bool, CommandError> {
        let Some(text) = self.list(&format!("{prefix}*"))? else { return Ok(true) };
        let units = Listed::all(&text, prefix);
        // What has failed needs no stop, and a stop that takes too long must not keep it from going.
        let stopped = self.stop_listed(&units, prefix);
        // A slice cannot fail.
        let may_fail = units.iter().filter(|unit| !unit.name.ends_with(".slice"));
        let failed: Vec<&str> = may_fail.map(|unit| unit.name).collect();
        if !failed.is_empty() {
            self.ask(&["reset-failed"], &failed)?;
        }
        stopped?;
        Ok(units.is_empty())
    }

    /// Stops what is to be stopped of `units`. Since systemd 262 none is stopped if one of them has
    /// ended by itself since they were listed; so they are listed once more then.
    fn stop_listed(&mut self, units: &[Listed], prefix: &str) -> Result<(), CommandError> {
        if self.stop_together(&stoppable(units))? {
            return Ok(());
        }
        let Some(text) = self.list(&format!("{prefix}*"))? else { return Ok(()) };
        self.stop(&stoppable(&Listed::all(&text, prefix)))
    }

    /// Stops all of these units, and waits until they are.
    fn stop(&self, units: &[&str]) -> Result<(), CommandError> {
        if self.stop_together(units)? {
            return Ok(());
        }
        let stop = |unit| self.command("systemctl").args(["stop", "--", unit]).start();
        let stops: Vec<_> = units.iter().copied().map(stop).collect();
        for stop in stops {
            stop?.wait()?;
        }
        Ok(())
    }

    /// Stops all of these units by one request, waits until they are, and says whether it was granted.
    fn stop_together(&self, units: &[&str]) -> Result<bool, CommandError> {
        Ok(units.is_empty() || self.ask(&["stop"], units)?.success())
    }
}

fn stoppable<'a>(units: &[Listed<'a>]) -> Vec<&'a str> {
    units.iter().filter(|unit| unit.is_to_be_stopped()).map(|unit| unit.name).collect()
}

/// Stops the scopes that tmux servers among `killed` had asked for. A scope whose pane was dead
/// before the manager made it is never told of an end, and stays.
fn remove_pane_scopes(manager: Manager, killed: &BTreeSet<Pid>) -> Result<(), CommandError> {
    if killed.is_empty() {
        return Ok(());
    }
    let mut systemctl = Systemctl::new(manager, PATIENCE);
    let Some(text) = systemctl.list("tmux-spawn-*.scope")? else { return Ok(()) };
    let scopes: Vec<&str> = text
        .lines()
        .filter(|line| launcher_of(line).is_some_and(|pid| killed.contains(&pid)))
        .filter_map(|line| Some(Listed::read(line)?.name))
        .collect();
    systemctl.stop(&scopes)
}

/// The server that asked for a pane's scope, from the scope's description: `tmux child pane 1234
/// launched by process 1230` (tmux, compat/systemd.c).
pub(crate) fn launcher_of(line: &str) -> Option<Pid> {
    line.rsplit_once(" launched by process ")?.1.trim().parse().ok().map(Pid::from_raw)
}

/// A line of `systemctl list-units`.
pub(crate) struct Listed<'a> {
    pub(crate) name: &'a str,
    active: &'a str,
}

impl<'a> Listed<'a> {
    /// Reads `UNIT LOAD ACTIVE SUB DESCRIPTION`.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let mut columns = line.split_ascii_whitespace();
        let name = columns.next()?;
        Some(Self { name, active: columns.nth(1)? })
    }

    /// Those of a list whose names begin with `prefix`.
    fn all(text: &'a str, prefix: &str) -> Vec<Self> {
        text.lines().filter_map(Self::read).filter(|unit| unit.name.starts_with(prefix)).collect()
    }

    /// Whether it has to be stopped. What is inactive may have a start job that waits; what has
    /// failed has none.
    pub(crate) fn is_to_be_stopped(&self) -> bool {
        self.active != "failed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_behind_a_pane_scope_is_read_from_its_description() {
        let line =
            "tmux-spawn-1.scope loaded active running tmux child pane 12 launched by process 10";
        assert_eq!(launcher_of(line), Some(Pid::from_raw(10)));
        assert_eq!(launcher_of("a.scope loaded active running A"), None);
    }

    #[test]
    fn all_but_what_has_failed_is_stopped() {
        for (line, expected) in [
            ("a.service loaded active running A b", Some(("a.service", true))),
            ("a.service loaded activating start-pre A", Some(("a.service", true))),
            ("a.service loaded failed failed A", Some(("a.service", false))),
            ("a.service loaded inactive dead A", Some(("a.service", true))),
            ("", None),
        ] {
            let listed = Listed::read(line).map(|unit| (unit.name, unit.is_to_be_stopped()));
            assert_eq!(listed, expected, "{line}");
        }
    }
}
