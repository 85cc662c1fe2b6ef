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

    /// Waits for the next line; `None` at the deadline, which may be over.
    ///
    /// # Errors
    /// When more was written than is kept: it is not read, and so would never be waited for.
    pub fn next_line(&mut self, deadline: Instant) -> io::Result<Option<String>> {
        loop {
            self.stream.drain();
            if let Some(line) = self.stream.line(self.given) {
                self.given += 1;
                return Ok(Some(line));
            }
            if self.stream.is_full() {
                let text = format!("commands wrote {} KiB into the pipe they share", KEPT >> 10);
                return Err(io::Error::other(text));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pipe) = self.stream.fd().filter(|_| !left.is_zero()) else { return Ok(None) };
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            // Whatever woke it, the pipe is looked at again.
            let _ = poll(&mut [PollFd::new(pipe, PollFlags::POLLIN)], timeout);
        }
    }

    /// A descriptor for a command to write to.
    pub(super) fn writer(&self) -> io::Result<OwnedFd> {
        self.writer.as_fd().try_clone_to_owned()
    }
}
