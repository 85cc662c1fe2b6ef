use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

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
    let listed = systemctl()
        .args(["list-units", "--all", "--plain", "--no-legend", "--full", "--"])
        .arg(format!("{prefix}*"))
        .run()?;
    let text = listed.text();
    let units: Vec<&str> = text
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().next())
        .filter(|unit| unit.starts_with(prefix))
        .collect();
    if !units.is_empty() {
        // What has failed is forgotten first: it needs no stop, and must not wait for one.
        systemctl().args(["reset-failed", "--"]).args(&units).run()?;
        if !systemctl().args(["stop", "--"]).args(&units).run()?.success() {
            // Since systemd 262 none is stopped if one of them has ended by itself meanwhile.
            for unit in &units {
                systemctl().args(["stop", "--", unit]).run()?;
            }
        }
        systemctl().args(["reset-failed", "--"]).args(&units).run()?;
    }
    Ok(())
}
