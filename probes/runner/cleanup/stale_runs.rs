use std::fs;
use std::time::{Duration, Instant};

use super::{MANAGER_TIMEOUT, remove_units};
use crate::host::ManagerStatus;
use crate::sandbox::run_dir::{candidate_dirs, is_own_dir};
use crate::sandbox::{RunId, Settings};

/// How long clean-up waits for a manager that did not answer before.
pub(crate) const UNREACHABLE_TIMEOUT: Duration = Duration::from_secs(1);

/// Removes what dead runs have left, and returns their ids.
///
/// A run is dead if it is of an earlier boot, or if no process has its id and start time. Running ones and
/// those in another process-id namespace are not touched. If the manager does not answer, what is left is
/// kept for the next run.
pub fn clean_stale_runs(settings: &Settings, manager: &ManagerStatus) -> Vec<RunId> {
    let mut cleaned = Vec::new();
    if matches!(manager, ManagerStatus::Unreachable { timed_out: true, .. }) {
        return cleaned;
    }
    for dir in candidate_dirs(settings) {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(run) = name.to_str().and_then(RunId::parse) else { continue };
            if run.to_string() == name.to_string_lossy()
                && is_own_dir(&entry.path())
                && run.is_dead().unwrap_or(false)
            {
                let name = run.to_string();
                let deadline = settings.deadline.min(Instant::now() + manager_timeout(manager));
                if remove_units(settings.manager, &name, deadline).is_err() {
                    return cleaned;
                }
                if fs::remove_dir_all(entry.path()).is_ok() && !cleaned.contains(&run) {
                    cleaned.push(run);
                }
            }
        }
    }
    cleaned
}

/// Returns how long clean-up waits for a manager with this status.
pub(crate) fn manager_timeout(manager: &ManagerStatus) -> Duration {
    match manager {
        ManagerStatus::Running { .. } => MANAGER_TIMEOUT,
        ManagerStatus::Unreachable { .. } => UNREACHABLE_TIMEOUT,
    }
}
