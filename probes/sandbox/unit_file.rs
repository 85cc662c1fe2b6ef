use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use super::{NotMeasured, ProbeContext, UnitCleanup};
use crate::host::{Manager, User};

/// Whether the unit directory was missing before the run. Workers inherit the value: the first one that
/// needs the directory creates it, and the last one removes it.
static CREATED_UNIT_DIR: AtomicBool = AtomicBool::new(false);

/// A transient unit file of one probe. It is removed when it is dropped, at the latest when the probe
/// ends.
///
/// A manager loads a unit it has not loaded before without `daemon-reload`, because the directory's
/// modification time has changed (systemd, src/basic/unit-file.c, `lookup_paths_timestamp_hash_same`).
pub struct UnitFile {
    /// The unit's name.
    pub unit: String,
    path: PathBuf,
}

impl ProbeContext<'_> {
    /// Writes a unit file named [`ProbeContext::unit_name`].
    ///
    /// # Errors
    /// `Skipped` if the caller may not write it (the system manager's needs root), `Unmeasured` if
    /// writing fails otherwise.
    pub fn unit_file(
        &self,
        label: &str,
        suffix: &str,
        text: &str,
    ) -> Result<UnitFile, NotMeasured> {
        let directory = unit_file_directory(self.settings.manager);
        let unit = self.unit_name(label, suffix);
        self.note_units(UnitCleanup::ByWorker);
        let path = directory.join(&unit);
        let to_not_measured = |error: io::Error| {
            let text = format!("no unit file could be created in {}: {error}", directory.display());
            match error.kind() {
                io::ErrorKind::PermissionDenied => NotMeasured::Skipped(text),
                _ => NotMeasured::Unmeasured(text),
            }
        };
        let mut open = create_in(&directory, &path).map_err(to_not_measured)?;
        let file = UnitFile { unit, path };
        open.write_all(text.as_bytes()).map_err(to_not_measured)?;
        renew_time(&directory);
        Ok(file)
    }
}

/// Creates a file, and its directory if that is missing.
fn create_in(directory: &Path, path: &Path) -> io::Result<File> {
    loop {
        match DirBuilder::new().mode(0o755).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o644).open(path) {
            // Another probe has just removed the empty directory.
            Err(_) if fs::symlink_metadata(directory).is_err() => {}
            opened => return opened,
        }
    }
}

/// Gives a directory a modification time that it did not have before. The clock by which a file system sets it ticks every few
/// milliseconds, and the manager would miss a file of the same tick as the one before, or as the directory's predecessor.
fn renew_time(directory: &Path) {
    let _ = File::open(directory).and_then(|open| open.set_modified(SystemTime::now()));
}

impl Drop for UnitFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        let _ = self.path.parent().map(remove_created_directory);
    }
}

/// Removes every unit file whose name begins with `prefix`.
pub(crate) fn remove_unit_files(manager: Manager, prefix: &str) {
    let directory = unit_file_directory(manager);
    let Ok(entries) = fs::read_dir(&directory) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
    remove_created_directory(&directory);
}

/// Removes the unit directory if the run created it and it is empty.
fn remove_created_directory(directory: &Path) {
    if CREATED_UNIT_DIR.load(Ordering::Relaxed) {
        let _ = fs::remove_dir(directory);
    }
}

/// Notes whether the unit directory is missing before a run.
pub(crate) fn note_unit_dir_state(manager: Manager) {
    CREATED_UNIT_DIR.store(!unit_file_directory(manager).exists(), Ordering::Relaxed);
}

/// Returns the directory of transient unit files (systemd.unit(5), "Unit File Load Path").
fn unit_file_directory(manager: Manager) -> PathBuf {
    match manager {
        Manager::System => "/run/systemd/system".into(),
        Manager::User => std::env::var_os("XDG_RUNTIME_DIR")
            .filter(|dir| !dir.is_empty())
            .map_or_else(|| User::current().runtime_dir(), PathBuf::from)
            .join("systemd/user"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_directory_has_another_time_after_each_file() {
        // A tmpfs, as a user's runtime directory is.
        let dir = tempfile::tempdir_in("/dev/shm").unwrap();
        let directory = dir.path().join("user");
        let write = |number: usize| {
            let path = directory.join(format!("{number}.service"));
            create_in(&directory, &path).unwrap();
            renew_time(&directory);
            let modified = fs::metadata(&directory).unwrap().modified().unwrap();
            if number.is_multiple_of(2) {
                fs::remove_dir_all(&directory).unwrap();
            }
            modified
        };
        let times: BTreeSet<SystemTime> = (0..100).map(write).collect();
        assert_eq!(times.len(), 100);
    }
}
