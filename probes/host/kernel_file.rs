use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::fcntl::{AT_FDCWD, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::read;

/// How much is read at once. The kernel fills it, unless the next line of the file does not fit.
const CHUNK: usize = 4096;
/// No line of the files read here is longer, so that a chunk with more room than this is the last.
const LINE: usize = 2048;

/// Reads a file in which the kernel shows its state, such as /proc/PID/stat, by three system calls: with thousands of
/// files their number is the time that it takes, and `std::fs::read` makes up to ten.
///
/// # Errors
/// If it cannot be read.
pub(crate) fn read_kernel_file(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    // musl's open(3) makes a second system call for O_CLOEXEC.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    read_all(&openat(AT_FDCWD, path.as_ref(), flags, Mode::empty())?)
}

/// Does the same, and takes the file for text.
///
/// # Errors
/// If it cannot be read, or is not UTF-8.
pub(crate) fn read_kernel_text(path: impl AsRef<Path>) -> io::Result<String> {
    let text = String::from_utf8(read_kernel_file(path)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Reads all of an open file of the kernel.
pub(super) fn read_all(file: &OwnedFd) -> io::Result<Vec<u8>> {
    let mut chunk = [0; CHUNK];
    let mut content = Vec::new();
    loop {
        let length = read(file, &mut chunk)?;
        content.extend_from_slice(&chunk[..length]);
        let is_last = length == 0 || (content.len() == length && length <= CHUNK - LINE);
        if is_last {
            return Ok(content);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_every_length_are_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for length in [0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 6143, 8192, 100_000] {
            let content: Vec<u8> = (0..length).map(|byte| b'a' + (byte % 26) as u8).collect();
            std::fs::write(&path, &content).unwrap();
            assert!(read_kernel_file(&path).unwrap() == content, "{length}");
        }
        assert!(read_kernel_text("/proc/self/status").unwrap().starts_with("Name:"));
        assert!(read_kernel_text("/proc/self/none").is_err());
    }
}
