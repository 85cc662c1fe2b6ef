use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::unistd::{AccessFlags, faccessat};

use super::repository_entry::RepositoryEntry;
use crate::fact_values;

/// The most entries that are examined, and the depth of nested branch names.
const MAX_ENTRIES: usize = 20_000;
const MAX_DEPTH: usize = 12;
/// The directories of a repository in which git creates files.
const WRITTEN_DIRS: [&str; 6] = ["objects", "refs", "logs", "worktrees", "reftable", "info"];
/// The files that git writes in place. It replaces others, for which the directory decides.
const WRITTEN_FILES: [&str; 3] = ["FETCH_HEAD", "COMMIT_EDITMSG", "gc.log"];
/// The files without which git refuses to work.
const READ_FILES: [&str; 5] = ["HEAD", "config", "config.worktree", "index", "packed-refs"];

fact_values! {
    /// Whether the caller can write the repository.
    pub(crate) enum WriteAccess {
        Writable = "writable",
        OwnedByRoot = "owned-by-root",
        OwnedByOther = "owned-by-other",
        NoPermission = "no-permission",
        ReadOnlyFileSystem = "read-only-file-system",
    }
}

/// A piece of a repository that the caller cannot use as git does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeniedPiece {
    pub(crate) path: PathBuf,
    /// The owner's id.
    pub(crate) uid: u32,
    errno: Errno,
}

impl DeniedPiece {
    /// Returns the first piece of a repository that the user `uid` cannot use.
    pub(crate) fn find_in_repository(entry: &RepositoryEntry) -> Option<Self> {
        let mut search = Search { budget: MAX_ENTRIES, found: None };
        for dir in [&entry.git_dir, &entry.common_dir] {
            search.check(dir, AccessFlags::W_OK | AccessFlags::X_OK | AccessFlags::R_OK);
            for name in WRITTEN_FILES {
                search.check(&dir.join(name), AccessFlags::W_OK);
            }
            for name in READ_FILES {
                search.check(&dir.join(name), AccessFlags::R_OK);
            }
        }
        for name in WRITTEN_DIRS {
            search.check_below(&entry.common_dir.join(name), MAX_DEPTH, name == "logs");
        }
        search.found
    }

    /// Returns the first of some directories of a work tree in which the user cannot create files.
    pub(crate) fn find_in_dirs<'a>(dirs: impl Iterator<Item = &'a Path>) -> Option<Self> {
        let mut search = Search { budget: MAX_ENTRIES, found: None };
        dirs.for_each(|dir| search.check(dir, AccessFlags::W_OK | AccessFlags::X_OK));
        search.found
    }

    /// Says why the user `uid` cannot use it.
    pub(crate) fn reason(&self, uid: u32) -> WriteAccess {
        match (self.errno, self.uid) {
            (Errno::EROFS, _) => WriteAccess::ReadOnlyFileSystem,
            (_, owner) if owner == uid => WriteAccess::NoPermission,
            (_, 0) => WriteAccess::OwnedByRoot,
            _ => WriteAccess::OwnedByOther,
        }
    }
}

/// The search for a piece that the caller cannot use; it ends with the first one.
struct Search {
    budget: usize,
    found: Option<DeniedPiece>,
}

impl Search {
    fn check(&mut self, path: &Path, flags: AccessFlags) {
        if self.found.is_some() || self.budget == 0 {
            return;
        }
        self.budget -= 1;
        let access = faccessat(AT_FDCWD, path, flags, AtFlags::AT_EACCESS);
        if let Err(errno @ (Errno::EACCES | Errno::EROFS | Errno::EPERM)) = access {
            let uid = owner_of_nearest(path);
            self.found = Some(DeniedPiece { path: path.to_owned(), uid, errno });
        }
    }

    /// Checks a directory and all below it; with `files_are_written` also that each file can be written.
    fn check_below(&mut self, dir: &Path, depth: usize, files_are_written: bool) {
        if !dir.is_dir() {
            return;
        }
        self.check(dir, AccessFlags::W_OK | AccessFlags::X_OK | AccessFlags::R_OK);
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if self.found.is_some() || self.budget == 0 {
                return;
            }
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && depth > 0 {
                self.check_below(&entry.path(), depth - 1, files_are_written);
            } else if !is_dir {
                let flag = if files_are_written { AccessFlags::W_OK } else { AccessFlags::R_OK };
                self.check(&entry.path(), flag);
            }
        }
    }
}

/// Returns the owner of a path; if that cannot be read, of the nearest directory above it that can.
fn owner_of_nearest(path: &Path) -> u32 {
    let metadata = path.ancestors().find_map(|path| fs::symlink_metadata(path).ok());
    metadata.map_or(0, |metadata| metadata.uid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_decides_why_a_piece_is_denied() {
        let piece = |uid, errno| DeniedPiece { path: "/r/.git/objects".into(), uid, errno };
        assert_eq!(piece(0, Errno::EACCES).reason(7), WriteAccess::OwnedByRoot);
        assert_eq!(piece(8, Errno::EACCES).reason(7), WriteAccess::OwnedByOther);
        assert_eq!(piece(7, Errno::EACCES).reason(7), WriteAccess::NoPermission);
        assert_eq!(piece(0, Errno::EROFS).reason(7), WriteAccess::ReadOnlyFileSystem);
    }

    #[test]
    fn a_repository_of_the_caller_is_writable() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["objects/info", "refs/heads/a", "logs/refs"] {
            fs::create_dir_all(dir.path().join(".git").join(name)).unwrap();
        }
        let entry = RepositoryEntry::find(dir.path()).unwrap();
        assert_eq!(DeniedPiece::find_in_repository(&entry), None);
        assert_eq!(DeniedPiece::find_in_dirs([dir.path()].into_iter()), None);
    }
}
