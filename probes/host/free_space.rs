use std::path::Path;

use nix::sys::statvfs::statvfs;

/// What a user may still create on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreeSpace {
    /// Free bytes; `None` if the file system has no limit.
    pub bytes: Option<u64>,
    /// Free inodes, each a file or directory; `None` if the file system has no limit.
    pub inodes: Option<u64>,
    /// The size in bytes.
    pub size: u64,
    /// The number of inodes, used or free.
    pub inode_count: u64,
}

impl FreeSpace {
    /// Returns the space on the file system that contains `path`.
    ///
    /// # Errors
    /// If statvfs(3) fails.
    pub fn at(path: &Path) -> nix::Result<Self> {
        let found = statvfs(path)?;
        let block = found.fragment_size();
        // A tmpfs without a limit has no size (tmpfs(5)).
        Ok(Self {
            bytes: (found.blocks() > 0).then(|| found.blocks_available().saturating_mul(block)),
            inodes: (found.files() > 0).then(|| found.files_available()),
            size: found.blocks().saturating_mul(block),
            inode_count: found.files(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_without_a_limit_has_none() {
        let space = FreeSpace::at(Path::new("/proc")).unwrap();
        assert_eq!((space.bytes, space.inodes), (None, None));
        assert!(FreeSpace::at(Path::new("/")).unwrap().size > 0);
    }
}
