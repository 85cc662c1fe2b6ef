use std::fs;
use std::time::Duration;

use super::private_dir::{is_own_dir, places};
use super::run_id::RunId;
use super::settings::Settings;
use super::unit_removal::{PATIENCE, remove_units};
use crate::host::ManagerState;

/// How long a manager that has not answered before may take while residue is removed.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);

/// Removes what runs that ended without cleaning up have left, and names those runs.
///
/// A run counts as dead when its boot is over or no process has its id and start time. Nothing of a
/// living run is touched, nor of a run in another process-id namespace.
/// What cannot be removed now, because the manager does not answer, is left for the next run.
pub fn sweep(settings: &Settings, manager: &ManagerState) -> Vec<RunId> {
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
                let name = run.to_string();
                if remove_units(settings.manager, &name, patience(manager)).is_err() {
                    return swept;
                }
                if fs::remove_dir_all(entry.path()).is_ok() && !swept.contains(&run) {
                    swept.push(run);
                }
            }
        }
    }
    swept
}

/// How long a manager in this state is waited for.
pub(super) fn patience(manager: &ManagerState) -> Duration {
    match manager {
        ManagerState::Answers { .. } => PATIENCE,
        ManagerState::Silent { .. } => LITTLE_PATIENCE,
    }
}
