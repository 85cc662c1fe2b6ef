use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::run_id::RunId;
use super::settings::Settings;
use crate::host::GitDir;
use crate::measurement::Unable;

/// What distinguishes a probe's directory beside the work tree from its usual one, should both lie
/// in the same place.
const SUFFIX: &str = ".at-repo";

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

/// Makes a directory that only its owner can enter; fails if anything has that name already.
///
/// # Errors
/// When it cannot be made; the text says where and why.
pub(super) fn make_dir(path: &Path) -> Result<(), Unable> {
    create(path).map_err(|error| not_made(path, &error))
}

/// Makes a directory for one probe in a place that is not the run's usual one, below a directory
/// that bears the run's name and that all probes of the run share.
///
/// # Errors
/// When it cannot be made; the text says where and why.
pub(super) fn make_dir_in(place: &Path, run: &RunId, probe: &str) -> Result<PathBuf, Unable> {
    let shared = place.join(run.to_string());
    let dir = shared.join(format!("{probe}{SUFFIX}"));
    loop {
        if let Err(error) = create(&shared)
            && (error.kind() != io::ErrorKind::AlreadyExists || is_foreign(&shared))
        {
            return Err(not_made(&shared, &error));
        }
        match create(&dir) {
            Ok(()) => return Ok(dir),
            // Another probe has just ended and removed the shared directory as empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(not_made(&dir, &error)),
        }
    }
}

/// Removes what [`make_dir_in`] made for one probe, wherever that was. The directory that holds it
/// goes with the last one in it, unless it is `run_dir`, which the whole run uses.
pub(super) fn remove_dirs_in_places(settings: &Settings, run: &RunId, probe: &str, run_dir: &Path) {
    for place in places(settings) {
        let shared = place.join(run.to_string());
        if !is_own_dir(&shared) {
            continue;
        }
        let removed = fs::remove_dir_all(shared.join(format!("{probe}{SUFFIX}")));
        if removed.is_ok() && shared != run_dir {
            let _ = fs::remove_dir(&shared);
        }
    }
}

/// Removes the directories of a whole run, wherever they are.
pub(super) fn remove_run_dirs(settings: &Settings, run: &RunId) {
    for place in places(settings) {
        let dir = place.join(run.to_string());
        if is_own_dir(&dir) {
            let _ = fs::remove_dir_all(dir);
        }
    }
}

/// Whether this is a real directory of the calling user: a link or another user's is left alone.
pub(super) fn is_own_dir(path: &Path) -> bool {
    let metadata: io::Result<fs::Metadata> = fs::symlink_metadata(path);
    metadata.is_ok_and(|meta| meta.is_dir() && meta.uid() == nix::unistd::getuid().as_raw())
}

/// Whether something has that name, but no directory of the calling user.
fn is_foreign(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && !is_own_dir(path)
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

fn not_made(path: &Path, error: &io::Error) -> Unable {
    Unable::Unmeasured(format!("{} could not be made: {error}", path.display()))
}
