use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::captured_pipe::{CAPTURE_LIMIT, CapturedPipe};
use super::{time_left, wait_readable};

/// One pipe for the standard output of several commands: the order of its lines is the order in which
/// the commands wrote them.
pub struct SharedPipe {
    stream: CapturedPipe,
    writer: OwnedFd,
    lines_returned: usize,
}

impl SharedPipe {
    /// Creates an empty pipe. [`super::Command::stdout_to`] connects a command to it.
    ///
    /// # Errors
    /// If the kernel refuses a pipe.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        let stream = CapturedPipe::new(Some(reader), CAPTURE_LIMIT)?;
        Ok(Self { stream, writer, lines_returned: 0 })
    }

    /// Waits for the next line; `None` if none is complete at `deadline`, which may have passed.
    ///
    /// # Errors
    /// If the commands wrote more than the capture limit, after which no line could be read.
    pub fn next_line(&mut self, deadline: Instant) -> io::Result<Option<String>> {
        loop {
            self.stream.drain();
            if let Some(line) = self.stream.line(self.lines_returned) {
                self.lines_returned += 1;
                return Ok(Some(line));
            }
            if self.stream.is_full() {
                let text =
                    format!("commands wrote {} KiB into the pipe they share", CAPTURE_LIMIT >> 10);
                return Err(io::Error::other(text));
            }
            let is_over = time_left(deadline).is_zero();
            let Some(pipe) = self.stream.fd().filter(|_| !is_over) else { return Ok(None) };
            wait_readable(&[pipe], deadline)?;
        }
    }

    /// Returns a descriptor for a command to write to.
    pub(crate) fn writer(&self) -> io::Result<OwnedFd> {
        self.writer.as_fd().try_clone_to_owned()
    }
}
