use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How many bytes of an output stream are captured, unless the probe asks for another limit.
pub(crate) const CAPTURE_LIMIT: usize = 64 * 1024;

/// How many bytes a command may write to one stream. A command that writes without end would keep a
/// processor busy until its deadline, and take that time from other probes.
pub(crate) const OUTPUT_LIMIT: usize = 16 * 1024 * 1024;

/// One output stream of a command: a non-blocking pipe and the bytes captured from it.
pub(crate) struct CapturedPipe {
    /// `None` after the end of the stream.
    pipe: Option<File>,
    captured: Vec<u8>,
    /// How many bytes are captured. What follows is read and discarded.
    limit: usize,
    bytes_read: usize,
}

impl CapturedPipe {
    pub(crate) fn new(pipe: Option<OwnedFd>, limit: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe: pipe.map(File::from), captured: Vec::new(), limit, bytes_read: 0 })
    }

    /// Returns the descriptor to poll; `None` after the end of the stream.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Reports whether more than [`OUTPUT_LIMIT`] bytes were read.
    pub(crate) fn over_limit(&self) -> bool {
        self.bytes_read > OUTPUT_LIMIT
    }

    /// Reports whether the capture limit is reached, after which no new line appears.
    pub(crate) fn is_full(&self) -> bool {
        self.captured.len() >= self.limit
    }

    /// Returns a complete captured line, counted from 0, without its newline.
    pub(crate) fn line(&self, number: usize) -> Option<String> {
        let mut lines = self.captured.split_inclusive(|&byte| byte == b'\n');
        let line = lines.nth(number)?.strip_suffix(b"\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }

    /// Reads once without waiting. Says whether there may be more to read.
    pub(crate) fn read_once(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let mut buffer = [0; 16 * 1024];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(read) => {
                self.bytes_read += read;
                let room = self.limit.saturating_sub(self.captured.len()).min(read);
                self.captured.extend_from_slice(&buffer[..room]);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Reads what is available, up to the capture limit: a detached descendant may never stop writing.
    pub(crate) fn drain(&mut self) {
        while !self.is_full() && self.read_once() {}
    }

    /// Drains the pipe and closes it.
    pub(crate) fn close(&mut self) {
        self.drain();
        self.pipe = None;
    }

    /// Drains the pipe and takes the captured bytes.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.drain();
        std::mem::take(&mut self.captured)
    }
}
