use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::exec::{Command, CommandError, Output};
use crate::host::{Manager, SocketState, User};
use crate::sandbox::unit_file::remove_unit_files;

/// How long clean-up waits for a manager that answered before.
pub(crate) const MANAGER_TIMEOUT: Duration = Duration::from_secs(8);
/// How long clean-up waits for the message bus.
const BUS_TIMEOUT: Duration = Duration::from_millis(500);
/// A unit that every manager lists.
const ROOT: &str = "-.slice";

/// Removes the unit files whose names begin with `prefix`, stops the units, waits until they have stopped,
/// and resets failed ones. Does nothing on a host without a manager.
///
/// # Errors
/// If the manager does not answer before `deadline`, or its answer is invalid.
pub(crate) fn remove_units(
    manager: Manager,
    prefix: &str,
    deadline: Instant,
) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    Systemctl::new(manager, deadline).remove(prefix).map(drop)
}

/// Removes units after a probe that was interrupted. A killed launch may have sent its request already, so
/// the manager may still create the unit. Also stops the pane scopes of tmux servers among `killed`.
///
/// # Errors
/// If the manager does not answer before `deadline`, or its answer is invalid.
pub(crate) fn remove_pending_units(
    manager: Manager,
    prefix: &str,
    killed: &BTreeSet<Pid>,
    deadline: Instant,
) -> Result<(), CommandError> {
    let removed = drain_units(manager, prefix, deadline);
    remove_pane_scopes(manager, killed, deadline).and(removed)
}

fn drain_units(manager: Manager, prefix: &str, deadline: Instant) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    let mut systemctl = Systemctl::new(manager, deadline);
    // `systemd-run --wait` and `--pipe` use the message bus, systemctl does not, so its requests can
    // overtake theirs. A request over the bus cannot.
    let ping =
        ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer"];
    let ping = systemctl.command("busctl").arg("call").args(ping).arg("Ping");
    let _ = ping.timeout(BUS_TIMEOUT).run();
    let mut empty_lists = 0;
    while empty_lists < 2 {
        empty_lists = if systemctl.remove(prefix)? { empty_lists + 1 } else { 0 };
    }
    Ok(())
}

/// `systemctl` during clean-up.
struct Systemctl {
    manager: Manager,
    deadline: Instant,
    /// The default runtime directory, if the environment does not lead to the user manager.
    runtime_dir: Option<PathBuf>,
}

impl Systemctl {
    fn new(manager: Manager, deadline: Instant) -> Self {
        Self { manager, deadline, runtime_dir: None }
    }

    fn command(&self, program: &str) -> Command {
        let command = Command::new(program, self.deadline).arg(self.manager.option());
        match &self.runtime_dir {
            Some(dir) => command.env("XDG_RUNTIME_DIR", dir).env_remove("DBUS_SESSION_BUS_ADDRESS"),
            None => command,
        }
    }

    fn run(&self, args: &[&str], units: &[&str]) -> Result<Output, CommandError> {
        self.command("systemctl").args(args).arg("--").args(units).run()
    }

    /// Lists units by a pattern, and the root slice, without which the list is incomplete. `None` if
    /// there is no manager, neither according to the environment nor in the default place.
    fn list(&mut self, pattern: &str) -> Result<Option<String>, CommandError> {
        const LIST: [&str; 5] = ["list-units", "--all", "--plain", "--no-legend", "--full"];
        let mut listed = self.run(&LIST, &[pattern, ROOT]);
        let is_refused = listed.as_ref().is_ok_and(|listed| !listed.success());
        if is_refused && self.manager == Manager::User {
            self.runtime_dir = Some(User::current().runtime_dir());
            listed = self.run(&LIST, &[pattern, ROOT]);
        }
        match listed {
            Ok(listed) if listed.success() => {
                let text = listed.stdout_text();
                if text.lines().any(|line| line.starts_with(ROOT)) {
                    return Ok(Some(text));
                }
                let source = io::Error::other("the root slice is missing in the list");
                Err(CommandError::Output { command: listed.argv().join(" "), source })
            }
            Ok(refused) if self.manager_listens() => {
                let source = io::Error::other(refused.error_summary());
                Err(CommandError::Output { command: refused.argv().join(" "), source })
            }
            Err(error)
                if matches!(error, CommandError::Deadline { .. }) || self.manager_listens() =>
            {
                Err(error)
            }
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Reports whether a manager listens on its socket.
    fn manager_listens(&self) -> bool {
        let socket = match self.manager {
            Manager::User => User::current().runtime_dir().join("systemd/private"),
            Manager::System => PathBuf::from("/run/systemd/private"),
        };
        SocketState::of(&socket) == SocketState::Live
    }

    /// Stops the units that the manager has now, and resets failed ones. Says whether it had none.
    fn remove(&mut self, prefix: &str) -> Result<bool, CommandError> {
        let Some(text) = self.list(&format!("{prefix}*"))? else { return Ok(true) };
        let units = UnitRow::all(&text, prefix);
        // A stop that fails must not prevent the reset of failed units.
        let stopped = self.stop_listed(&units, prefix);
        // A slice cannot fail.
        let may_fail = units.iter().filter(|unit| !unit.name.ends_with(".slice"));
        let failed: Vec<&str> = may_fail.map(|unit| unit.name).collect();
        if !failed.is_empty() {
            self.run(&["reset-failed"], &failed)?;
        }
        stopped?;
        Ok(units.is_empty())
    }

    /// Stops those of `units` that have not failed. systemd 262 stops none of them if one has ended since
    /// the list was made; then they are listed again.
    fn stop_listed(&mut self, units: &[UnitRow], prefix: &str) -> Result<(), CommandError> {
        if self.stop_together(&stoppable(units))? {
            return Ok(());
        }
        let Some(text) = self.list(&format!("{prefix}*"))? else { return Ok(()) };
        self.stop(&stoppable(&UnitRow::all(&text, prefix)))
    }

    /// Stops units and waits until they have stopped.
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

    /// Stops units by one request and waits until they have stopped. Says whether the request succeeded.
    fn stop_together(&self, units: &[&str]) -> Result<bool, CommandError> {
        Ok(units.is_empty() || self.run(&["stop"], units)?.success())
    }
}

fn stoppable<'a>(units: &[UnitRow<'a>]) -> Vec<&'a str> {
    units.iter().filter(|unit| unit.needs_stop()).map(|unit| unit.name).collect()
}

/// Stops the pane scopes of tmux servers among `killed`. A scope whose pane exited before the manager
/// created it never becomes empty, and would stay.
fn remove_pane_scopes(
    manager: Manager,
    killed: &BTreeSet<Pid>,
    deadline: Instant,
) -> Result<(), CommandError> {
    if killed.is_empty() {
        return Ok(());
    }
    let mut systemctl = Systemctl::new(manager, deadline);
    let Some(text) = systemctl.list("tmux-spawn-*.scope")? else { return Ok(()) };
    let scopes: Vec<&str> = text
        .lines()
        .filter(|line| launcher_of(line).is_some_and(|pid| killed.contains(&pid)))
        .filter_map(|line| Some(UnitRow::read(line)?.name))
        .collect();
    systemctl.stop(&scopes)
}

/// Parses the id of the tmux server in the description of a pane's scope: `tmux child pane 1234 launched by
/// process 1230` (tmux, compat/systemd.c).
pub(crate) fn launcher_of(line: &str) -> Option<Pid> {
    line.rsplit_once(" launched by process ")?.1.trim().parse().ok().map(Pid::from_raw)
}

/// A line of `systemctl list-units`.
pub(crate) struct UnitRow<'a> {
    pub(crate) name: &'a str,
    active: &'a str,
}

impl<'a> UnitRow<'a> {
    /// Parses `UNIT LOAD ACTIVE SUB DESCRIPTION`.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let mut columns = line.split_ascii_whitespace();
        let name = columns.next()?;
        Some(Self { name, active: columns.nth(1)? })
    }

    /// Parses a list and returns the units whose names begin with `prefix`.
    fn all(text: &'a str, prefix: &str) -> Vec<Self> {
        text.lines().filter_map(Self::read).filter(|unit| unit.name.starts_with(prefix)).collect()
    }

    /// Reports whether the unit has to be stopped. An inactive unit may have a waiting start job; a failed
    /// one has none.
    pub(crate) fn needs_stop(&self) -> bool {
        self.active != "failed"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_of_a_pane_scope_is_parsed_from_its_description() {
        let line =
            "tmux-spawn-1.scope loaded active running tmux child pane 12 launched by process 10";
        assert_eq!(launcher_of(line), Some(Pid::from_raw(10)));
        assert_eq!(launcher_of("a.scope loaded active running A"), None);
    }

    #[test]
    fn only_failed_units_are_not_stopped() {
        for (line, expected) in [
            ("a.service loaded active running A b", Some(("a.service", true))),
            ("a.service loaded activating start-pre A", Some(("a.service", true))),
            ("a.service loaded failed failed A", Some(("a.service", false))),
            ("a.service loaded inactive dead A", Some(("a.service", true))),
            ("", None),
        ] {
            let listed = UnitRow::read(line).map(|unit| (unit.name, unit.needs_stop()));
            assert_eq!(listed, expected, "{line}");
        }
    }
}
