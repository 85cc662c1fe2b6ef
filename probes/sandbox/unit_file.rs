use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::isolation::{Sandbox, Units};
use super::settings::Manager;
use crate::host::User;
use crate::measurement::Unable;

/// Whether this process has made the directory, so that it removes it, too.
static MADE_DIRECTORY: AtomicBool = AtomicBool::new(false);

/// A unit file of the probe's own, in the directory of those that last until the next boot. It is
/// removed with this value, and at the latest with the probe.
///
/// The manager finds a file under a name that it has not loaded yet without a `daemon-reload`:
/// it looks again where a directory has changed (systemd, src/core/manager.c,
/// `manager_unit_cache_should_retry_load`).
pub struct UnitFile {
    /// The unit's name.
    pub unit: String,
    path: PathBuf,
}

impl Sandbox<'_> {
    /// Gives the manager a unit file with this `text`, under [`Sandbox::unit_name`].
    ///
    /// # Errors
    /// When the file cannot be written, which only root may do for the system's manager.
    pub fn unit_file(&self, label: &str, suffix: &str, text: &str) -> Result<UnitFile, Unable> {
        let directory = unit_file_directory(self.settings.manager);
        let unit = self.unit_name(label, suffix);
        self.expect(Units::RunOn);
        let path = directory.join(&unit);
        let wrong = |error: io::Error| {
            let text = format!("no unit file could be made in {}: {error}", directory.display());
            match error.kind() {
                io::ErrorKind::PermissionDenied => Unable::Skipped(text),
                _ => Unable::Unmeasured(text),
            }
        };
        match DirBuilder::new().mode(0o755).create(&directory) {
            Ok(()) => MADE_DIRECTORY.store(true, Ordering::Relaxed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(wrong(error)),
        }
        let file = UnitFile { unit, path };
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(&file.path)
            .and_then(|mut open| open.write_all(text.as_bytes()))
            .map_err(wrong)?;
        Ok(file)
    }
}

impl Drop for UnitFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = self.path.parent().map(remove_own_directory);
    }
}

/// Removes every unit file whose name begins with `prefix`.
pub(super) fn remove_unit_files(manager: Manager, prefix: &str) {
    let directory = unit_file_directory(manager);
    let Ok(entries) = fs::read_dir(&directory) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
    remove_own_directory(&directory);
}

/// Removes the directory if this process has made it, and nobody has put another file into it.
fn remove_own_directory(directory: &Path) {
    if MADE_DIRECTORY.load(Ordering::Relaxed) {
        let _ = fs::remove_dir(directory);
    }
}

/// The directory of unit files, if it is not there: then it is the run's to remove at its end, since of
/// several workers at once the one that has made it cannot.
pub(super) fn missing_directory(manager: Manager) -> Option<PathBuf> {
    Some(unit_file_directory(manager)).filter(|directory| !directory.exists())
}

/// Where the unit files lie that last until the next boot (systemd.unit(5), "Unit File Load Path").
fn unit_file_directory(manager: Manager) -> PathBuf {
    match manager {
        Manager::System => "/run/systemd/system".into(),
        Manager::User => std::env::var_os("XDG_RUNTIME_DIR")
            .filter(|dir| !dir.is_empty())
            .map_or_else(|| User::current().runtime_dir(), PathBuf::from)
            .join("systemd/user"),
    }
}
