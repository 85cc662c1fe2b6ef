use std::collections::HashSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::{NotMeasured, RunId, Settings};
use crate::host::GitDir;

/// The suffix of a probe's directory at the work tree. The probe's other directory may have the same
/// parent.
const SUFFIX: &str = ".at-repo";

/// Returns the directories in which a run may create its own, in the order in which they are tried.
pub(crate) fn candidate_dirs(settings: &Settings) -> Vec<PathBuf> {
    let mut dirs = vec![std::env::temp_dir()];
    dirs.extend(std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from));
    dirs.extend(["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from));
    dirs.extend(settings.repo.clone());
    dirs.extend(settings.repo.as_ref().and_then(|repo| Some(GitDir::find(repo)?.common_dir)));
    let mut seen = HashSet::new();
    dirs.retain(|dir| dir.is_absolute() && seen.insert(dir.clone()));
    dirs
}

/// Creates a directory with mode 0700.
///
/// # Errors
/// If the name is taken or the directory cannot be created; the text says where and why.
pub(crate) fn make_dir(path: &Path) -> Result<(), NotMeasured> {
    create(path).map_err(|error| create_error(path, &error))
}

/// Creates a directory for one probe in `parent`, below a directory that is named after the run and
/// shared by its probes.
///
/// # Errors
/// If it cannot be created; the text says where and why.
pub(crate) fn make_dir_in(parent: &Path, run: &RunId, probe: &str) -> Result<PathBuf, NotMeasured> {
    let shared = parent.join(run.to_string());
    let dir = shared.join(format!("{probe}{SUFFIX}"));
    loop {
        if let Err(error) = create(&shared)
            && (error.kind() != io::ErrorKind::AlreadyExists || is_not_own(&shared))
        {
            return Err(create_error(&shared, &error));
        }
        match create(&dir) {
            Ok(()) => return Ok(dir),
            // Another probe has just removed the empty shared directory.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(create_error(&dir, &error)),
        }
    }
}

/// Removes what [`make_dir_in`] created for one probe, in all candidate directories. The shared
/// directory is removed with the last one in it, unless it is `run_dir`, which the whole run uses.
pub(crate) fn remove_probe_dirs(settings: &Settings, run: &RunId, probe: &str, run_dir: &Path) {
    for parent in candidate_dirs(settings) {
        let shared = parent.join(run.to_string());
        if !is_own_dir(&shared) {
            continue;
        }
        let removed = fs::remove_dir_all(shared.join(format!("{probe}{SUFFIX}")));
        if removed.is_ok() && shared != run_dir {
            let _ = fs::remove_dir(&shared);
        }
    }
}

/// Removes the directories of a whole run, in all candidate directories.
pub(crate) fn remove_run_dirs(settings: &Settings, run: &RunId) {
    for parent in candidate_dirs(settings) {
        let dir = parent.join(run.to_string());
        if is_own_dir(&dir) {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Reports whether the path is a directory of the calling user, and not a symbolic link.
pub(crate) fn is_own_dir(path: &Path) -> bool {
    fs::symlink_metadata(path)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == nix::unistd::getuid().as_raw())
}

/// Reports whether the path exists and is no directory of the calling user.
fn is_not_own(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && !is_own_dir(path)
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn create_error(path: &Path, error: &io::Error) -> NotMeasured {
    NotMeasured::Unmeasured(format!("{} could not be created: {error}", path.display()))
}
