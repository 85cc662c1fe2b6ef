use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, OFlag, fcntl};

/// How many bytes of an output stream are kept, unless the probe asks for more.
pub(super) const KEPT: usize = 64 * 1024;

/// How many bytes a command may write to one stream before it counts as a flood, which would keep
/// a processor busy to the deadline and so take time from other probes.
pub(super) const FLOOD: usize = 16 * 1024 * 1024;

/// One output stream: its non-blocking pipe until the end, and what is kept of it.
pub(super) struct Stream {
    pub(super) pipe: Option<File>,
    pub(super) kept: Vec<u8>,
    /// How many bytes are kept; the rest is read and thrown away.
    keep: usize,
    /// How many bytes have come.
    read: usize,
}

impl Stream {
    pub(super) fn new(pipe: Option<OwnedFd>, keep: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe: pipe.map(File::from), kept: Vec::new(), keep, read: 0 })
    }

    /// Its pipe, until that has ended.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// Whether more has come than anything of use would write.
    pub(super) fn floods(&self) -> bool {
        self.read > FLOOD
    }

    /// Whether as much has come as is kept, so that no more lines can be had of it.
    pub(super) fn is_full(&self) -> bool {
        self.kept.len() >= self.keep
    }

    /// A whole line of what is kept, counted from 0.
    pub(super) fn line(&self, number: usize) -> Option<String> {
        let mut lines = self.kept.split_inclusive(|&byte| byte == b'\n');
        let line = lines.nth(number)?.strip_suffix(b"\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }

    /// Reads what is there, once. Says whether there may be more.
    pub(super) fn read_once(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let mut buffer = [0; 16 * 1024];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(read) => {
                self.read += read;
                let room = self.keep.saturating_sub(self.kept.len()).min(read);
                self.kept.extend_from_slice(&buffer[..room]);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Reads what is there, but no more than is kept: a descendant may go on writing for ever.
    pub(super) fn drain(&mut self) {
        while !self.is_full() && self.read_once() {}
    }
}
