use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Instant;

use nix::libc;

use super::{time_left, wait_readable};

/// A descriptor of a process, which becomes readable when that process exits (`pidfd_open(2)`, Linux
/// 5.3). The process need not be a child of the caller.
pub struct PidFd(OwnedFd);

impl PidFd {
    /// Opens the process that has the id `pid` now.
    ///
    /// # Errors
    /// If there is no such process.
    pub fn of(pid: u32) -> io::Result<Self> {
        // SAFETY: the call takes two integers, and returns a new descriptor or -1. nix has no wrapper.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let fd = i32::try_from(fd).map_err(io::Error::other)?;
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just made the descriptor, and nothing else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Reports whether the process has exited.
    pub fn has_exited(&self) -> bool {
        self.wait(Instant::now())
    }

    /// Waits for the exit until `deadline`. Says whether the process has exited.
    pub fn wait(&self, deadline: Instant) -> bool {
        loop {
            match wait_readable(&[self.as_fd()], deadline) {
                Ok(ready) if ready[0] => return true,
                Ok(_) if !time_left(deadline).is_zero() => {}
                _ => return false,
            }
        }
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;
    use crate::exec::spawn_lock::spawn_permit;

    #[test]
    fn an_exit_ends_the_wait() {
        let permit = spawn_permit();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        drop(permit);
        let process = PidFd::of(child.id()).unwrap();
        assert!(!process.has_exited());
        drop(child.stdin.take());
        assert!(process.wait(Instant::now() + Duration::from_secs(10)));
        assert!(process.has_exited());
        child.wait().unwrap();
        assert!(PidFd::of(child.id()).is_err());
    }
}
