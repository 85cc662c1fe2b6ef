use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use nix::libc;

/// An open file of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number in the process.
    pub fd: u32,
    /// The device and the inode of the file, as stat(2) gives them. They are the same in every mount namespace and,
    /// unlike the numbers in /proc/locks, on an overlay (Linux fs/locks.c, `lock_get_status`).
    pub identity: (u64, u64),
    /// Whether the file was deleted: it has no name any more.
    pub is_deleted: bool,
}

impl Descriptor {
    /// Returns the open files of a process; none if it has exited.
    ///
    /// # Errors
    /// If the process belongs to another user and the caller may not see its files.
    pub fn of_pid(pid: u32) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(format!("/proc/{pid}/fd")) {
            Ok(entries) => entries,
            Err(error) if has_exited(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => found.extend(Self::read(&entry)),
                Err(error) if has_exited(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Reads one; `None` if it was closed meanwhile.
    fn read(entry: &fs::DirEntry) -> Option<Self> {
        let fd = entry.file_name().to_str()?.parse().ok()?;
        let metadata = fs::metadata(entry.path()).ok()?;
        Some(Self {
            fd,
            identity: (metadata.dev(), metadata.ino()),
            is_deleted: metadata.is_file() && metadata.nlink() == 0,
        })
    }

    /// Returns the path that the kernel shows for a file of a process. That of a deleted file ends with ` (deleted)`.
    pub fn path(self, pid: u32) -> Option<PathBuf> {
        fs::read_link(format!("/proc/{pid}/fd/{}", self.fd)).ok()
    }
}

/// Whether a file in /proc is missing because its process has exited.
fn has_exited(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_inode_and_a_deleted_one_is_marked() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let metadata = file.as_file().metadata().unwrap();
        let identity = (metadata.dev(), metadata.ino());
        let found = |is_deleted| {
            let all = Descriptor::of_pid(std::process::id()).unwrap();
            all.into_iter().find(|it| it.identity == identity && it.is_deleted == is_deleted)
        };
        let descriptor = found(false).unwrap();
        let path = fs::canonicalize(file.path()).unwrap();
        assert_eq!(descriptor.path(std::process::id()), Some(path));
        let (file, path) = file.keep().unwrap();
        fs::remove_file(path).unwrap();
        assert!(found(true).is_some());
        drop(file);
    }

    #[test]
    fn a_process_that_has_exited_has_no_files() {
        assert_eq!(Descriptor::of_pid(u32::MAX).unwrap(), []);
    }
}
