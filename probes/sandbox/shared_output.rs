use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::pipe2;

use super::stream::{KEPT, Stream};

/// One pipe that takes the standard output of several commands, so that the order of its lines is
/// the order in which they were written.
pub struct SharedOutput {
    stream: Stream,
    writer: OwnedFd,
    given: usize,
}

impl SharedOutput {
    /// An empty pipe; [`super::Command::output_to`] gives it to a command.
    ///
    /// # Errors
    /// When the kernel refuses one.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
        Ok(Self { stream: Stream::new(Some(reader), KEPT)?, writer, given: 0 })
    }

    /// The next line, if a whole one is there.
    pub fn line(&mut self) -> Option<String> {
        self.stream.drain();
        let line = self.stream.line(self.given)?;
        self.given += 1;
        Some(line)
    }

    /// Waits for the next line; `None` at the deadline.
    pub fn next_line(&mut self, deadline: Instant) -> Option<String> {
        loop {
            if let Some(line) = self.line() {
                return Some(line);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            // Whatever woke it, the pipe is looked at again.
            let _ = poll(&mut [PollFd::new(self.stream.fd()?, PollFlags::POLLIN)], timeout);
        }
    }

    /// A descriptor for a command to write to.
    pub(super) fn writer(&self) -> io::Result<OwnedFd> {
        self.writer.as_fd().try_clone_to_owned()
    }
}
