use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstatat};

use super::kernel_file::read_all;

/// A directory in which the kernel shows its state, such as /proc or a cgroup. A file in it is read by three system
/// calls: with thousands of files their number is the time that it takes.
#[derive(Debug)]
pub(crate) struct KernelDir(OwnedFd);

impl KernelDir {
    /// Opens a directory.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(open(path, flags, Mode::empty())?))
    }

    /// Reads a file below the directory.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        let file = openat(&self.0, file, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        read_all(&file)
    }

    /// Reads a file as text, without the white space at its end; `None` if it is missing.
    pub(crate) fn text(&self, file: &str) -> Option<String> {
        let mut text = String::from_utf8(self.read(file).ok()?).ok()?;
        text.truncate(text.trim_end().len());
        Some(text)
    }

    /// Returns the attributes of a file or directory below it.
    pub(crate) fn stat(&self, file: &str) -> Option<FileStat> {
        fstatat(&self.0, file, AtFlags::empty()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_attributes_below_it_are_read() {
        let own = KernelDir::open(Path::new("/proc/self")).unwrap();
        assert!(own.text("status").unwrap().starts_with("Name:"));
        assert!(own.text("none").is_none() && own.stat("none").is_none());
    }
}
