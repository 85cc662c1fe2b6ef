use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, fstatat};
use nix::unistd::read;

/// How much is read at once. The kernel fills it, unless the next line of the file does not fit.
const CHUNK: usize = 4096;
/// No line of the files read here is longer, so that a chunk with more room than this is the last.
const LINE: usize = 2048;

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
        let mut chunk = [0; CHUNK];
        let mut content = Vec::new();
        loop {
            let length = read(&file, &mut chunk)?;
            content.extend_from_slice(&chunk[..length]);
            let is_last = length == 0 || (content.len() == length && length <= CHUNK - LINE);
            if is_last {
                break;
            }
        }
        Ok(content)
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
    fn files_of_every_length_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 6143, 8192, 100_000] {
            let content: Vec<u8> = (0..length).map(|byte| b'a' + (byte % 26) as u8).collect();
            std::fs::write(dir.path().join("file"), &content).unwrap();
            let read = KernelDir::open(dir.path()).unwrap().read("file").unwrap();
            assert!(read == content, "{length}");
        }
        let own = KernelDir::open(Path::new("/proc/self")).unwrap();
        assert!(own.text("status").unwrap().starts_with("Name:"));
        assert!(own.text("none").is_none() && own.stat("none").is_none());
    }
}
