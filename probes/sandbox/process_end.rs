use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::running::pidfd;

/// The end of a process that need not be a child of the caller.
pub struct ProcessEnd(OwnedFd);

impl ProcessEnd {
    /// The end of the process that has this id now.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        Ok(Self(pidfd(pid)?))
    }

    /// Whether it has ended.
    pub fn has_come(&self) -> bool {
        self.wait(Instant::now())
    }

    /// Waits for it until `deadline`, and says whether it came.
    pub fn wait(&self, deadline: Instant) -> bool {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Rounded up, so that the last moment is not spent spinning.
            let milliseconds = left.as_nanos().div_ceil(1_000_000);
            let timeout = PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX);
            let mut fds = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, timeout) {
                Ok(ready) => return ready > 0,
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => return false,
            }
        }
    }
}

impl AsFd for ProcessEnd {
    /// A descriptor that becomes readable with it, for poll(2).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_end_of_a_process_is_waited_for_and_seen() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let end = ProcessEnd::of(child.id()).unwrap();
        assert!(!end.has_come());
        drop(child.stdin.take());
        assert!(end.wait(Instant::now() + Duration::from_secs(10)));
        assert!(end.has_come());
        child.wait().unwrap();
        assert!(ProcessEnd::of(child.id()).is_err());
    }
}
