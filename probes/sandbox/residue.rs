use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::command::{Command, CommandError};
use super::private_dir::is_own_dir;
use super::run_id::RunId;
use super::settings::{Manager, Settings};
use super::unit_file::remove_unit_files;
use crate::host::GitDir;

/// How long the manager may take to answer while residue is removed.
const PATIENCE: Duration = Duration::from_secs(8);

/// Removes what runs that ended without cleaning up have left, and names those runs.
///
/// A run counts as dead when its boot is over or no process has its id and start time. Nothing of a
/// living run is touched, nor of a run in another process-id namespace.
pub fn sweep(settings: &Settings) -> Vec<RunId> {
    let mut swept = Vec::new();
    for dir in places(settings) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(RunId::parse) else { continue };
            if run.to_string() == name.to_string_lossy()
                && is_own_dir(&entry.path())
                && run.is_dead().unwrap_or(false)
            {
                let _ = remove_units(settings.manager, &run.to_string());
                if fs::remove_dir_all(entry.path()).is_ok() && !swept.contains(&run) {
                    swept.push(run);
                }
            }
        }
    }
    swept
}

/// The directories in which runs make their own, the first writable one for most purposes.
pub(super) fn places(settings: &Settings) -> Vec<PathBuf> {
    let mut places = vec![std::env::temp_dir()];
    places.extend(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    places.extend([PathBuf::from("/tmp"), PathBuf::from("/var/tmp"), PathBuf::from("/dev/shm")]);
    places.extend(settings.repo.clone());
    places.extend(settings.repo.as_ref().and_then(|repo| Some(GitDir::find(repo)?.common)));
    let mut seen = Vec::new();
    places.retain(|place| {
        place.is_absolute() && !seen.contains(place) && {
            seen.push(place.clone());
            true
        }
    });
    places
}

/// Stops and forgets every unit whose name begins with `prefix`, and waits until they are gone; their
/// unit files are removed first.
///
/// # Errors
/// When `systemctl` cannot be run or the manager does not answer in time.
pub(super) fn remove_units(manager: Manager, prefix: &str) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    let deadline = Instant::now() + PATIENCE;
    let systemctl = || Command::new("systemctl", deadline).arg(manager.option());
    remove_listed(&systemctl, prefix).map(drop)
}

/// The same where a launch may have been killed after it had sent its request, so that the manager
/// may make the unit yet.
///
/// # Errors
/// When `systemctl` cannot be run or the manager does not answer in time.
pub(super) fn remove_units_under_way(manager: Manager, prefix: &str) -> Result<(), CommandError> {
    remove_unit_files(manager, prefix);
    let deadline = Instant::now() + PATIENCE;
    let command = |program: &str| Command::new(program, deadline).arg(manager.option());
    let systemctl = || command("systemctl");
    // Requests of --wait and --pipe go over the message bus, and systemctl's do not: they may
    // overtake. What asks over the bus, too, comes behind.
    let ping =
        ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.DBus.Peer"];
    let _ = command("busctl").arg("call").args(ping).arg("Ping").run();
    let mut empty_lists = 0;
    while empty_lists < 2 {
        let is_empty = remove_listed(&systemctl, prefix)?;
        empty_lists = if is_empty { empty_lists + 1 } else { 0 };
    }
    Ok(())
}

/// Stops and forgets the units that the manager has now. Says whether it had none.
fn remove_listed(systemctl: &impl Fn() -> Command, prefix: &str) -> Result<bool, CommandError> {
    let listed = systemctl()
        .args(["list-units", "--all", "--plain", "--no-legend", "--full", "--"])
        .arg(format!("{prefix}*"))
        .run()?;
    let text = listed.text();
    let units: Vec<Listed> = text
        .lines()
        .filter_map(Listed::read)
        .filter(|unit| unit.name.starts_with(prefix))
        .collect();
    let stoppable: Vec<&str> =
        units.iter().filter(|unit| unit.is_to_be_stopped()).map(|unit| unit.name).collect();
    // What has failed needs no stop, and a stop that takes too long must not keep it from going.
    let stopped = stop_units(systemctl, &stoppable);
    if !units.is_empty() {
        systemctl().args(["reset-failed", "--"]).args(units.iter().map(|unit| unit.name)).run()?;
    }
    stopped?;
    Ok(units.is_empty())
}

/// Stops the scopes that tmux servers among `killed` had asked for. A scope whose pane was dead
/// before the manager made it is never told of an end, and stays.
///
/// # Errors
/// When `systemctl` cannot be run or the manager does not answer in time.
pub(super) fn remove_pane_scopes(
    manager: Manager,
    killed: &BTreeSet<Pid>,
) -> Result<(), CommandError> {
    if killed.is_empty() {
        return Ok(());
    }
    let deadline = Instant::now() + PATIENCE;
    let systemctl = || Command::new("systemctl", deadline).arg(manager.option());
    let listed = systemctl()
        .args(["list-units", "--all", "--plain", "--no-legend", "--full", "tmux-spawn-*.scope"])
        .run()?;
    let text = listed.text();
    let scopes: Vec<&str> = text
        .lines()
        .filter(|line| launcher_of(line).is_some_and(|pid| killed.contains(&pid)))
        .filter_map(|line| Some(Listed::read(line)?.name))
        .collect();
    stop_units(&systemctl, &scopes)
}

/// The server that asked for a pane's scope, from the scope's description: `tmux child pane 1234
/// launched by process 1230` (tmux, compat/systemd.c).
fn launcher_of(line: &str) -> Option<Pid> {
    line.rsplit_once(" launched by process ")?.1.trim().parse().ok().map(Pid::from_raw)
}

/// A line of `systemctl list-units`.
struct Listed<'a> {
    name: &'a str,
    active: &'a str,
}

impl<'a> Listed<'a> {
    /// Reads `UNIT LOAD ACTIVE SUB DESCRIPTION`.
    fn read(line: &'a str) -> Option<Self> {
        let mut columns = line.split_ascii_whitespace();
        let name = columns.next()?;
        Some(Self { name, active: columns.nth(1)? })
    }

    /// Whether it has to be stopped. What is inactive may have a start job that waits; what has
    /// failed has none.
    fn is_to_be_stopped(&self) -> bool {
        self.active != "failed"
    }
}

/// Stops all of these units, and waits until they are.
fn stop_units(systemctl: &impl Fn() -> Command, units: &[&str]) -> Result<(), CommandError> {
    if units.is_empty() || systemctl().args(["stop", "--"]).args(units).run()?.success() {
        return Ok(());
    }
    // Since systemd 262 none is stopped if one of them has ended by itself meanwhile.
    let stops: Vec<_> =
        units.iter().map(|unit| systemctl().args(["stop", "--", unit]).start()).collect();
    for stop in stops {
        stop?.wait()?;
    }
    Ok(())
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
