use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::isolation::{Sandbox, Units};
use super::settings::Manager;
use crate::host::User;
use crate::measurement::Unable;

/// Whether the directory was not there before the run, whose workers inherit that: any of them makes it,
/// and the last one in it removes it.
static WAS_MISSING: AtomicBool = AtomicBool::new(false);

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
        let mut open = loop {
            match DirBuilder::new().mode(0o755).create(&directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(wrong(error));
                }
                _ => {}
            }
            match OpenOptions::new().write(true).create_new(true).mode(0o644).open(&path) {
                // Another probe has just ended and removed the directory as empty.
                Err(_) if fs::symlink_metadata(&directory).is_err() => {}
                opened => break opened.map_err(wrong)?,
            }
        };
        let file = UnitFile { unit, path };
        open.write_all(text.as_bytes()).map_err(wrong)?;
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

/// Removes the directory if it is the run's, and nobody has put another file into it.
fn remove_own_directory(directory: &Path) {
    if WAS_MISSING.load(Ordering::Relaxed) {
        let _ = fs::remove_dir(directory);
    }
}

/// Looks before a run whether the directory of unit files is there already.
pub(super) fn look_for_directory(manager: Manager) {
    WAS_MISSING.store(!unit_file_directory(manager).exists(), Ordering::Relaxed);
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
