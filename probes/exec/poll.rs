use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, poll};

use super::poll_timeout;

/// Waits until a descriptor is readable or hung up, or `deadline` has passed. Says for each
/// descriptor whether it is ready; after the deadline or a signal none is.
///
/// # Errors
/// If poll(2) fails.
pub fn wait_readable(fds: &[BorrowedFd], deadline: Instant) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd> =
        fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    match poll(&mut polled, poll_timeout(deadline)) {
        Ok(_) => Ok(polled.iter().map(|fd| fd.any().unwrap_or(false)).collect()),
        Err(Errno::EINTR) => Ok(vec![false; fds.len()]),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, pipe};
    use std::os::fd::AsFd;
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_descriptor_that_has_data_is_ready() {
        let (quiet, _open) = pipe().unwrap();
        let (written, mut writer) = pipe().unwrap();
        writer.write_all(b"x").unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let ready = wait_readable(&[quiet.as_fd(), written.as_fd()], deadline).unwrap();
        assert_eq!(ready, [false, true]);
    }

    #[test]
    fn none_is_ready_once_the_deadline_has_passed() {
        let (quiet, _open) = pipe().unwrap();
        assert_eq!(wait_readable(&[quiet.as_fd()], Instant::now()).unwrap(), [false]);
    }
}
