use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use super::running::pidfd;
use super::worker::Report;
use crate::measurement::{Outcome, Unable};

/// The largest outcome that is taken from a worker, in bytes.
const LARGEST_OUTCOME: usize = 4 << 20;

/// The process of one probe, as the doctor sees it.
pub struct WorkerProcess {
    /// Which of the run's probes it measures.
    pub index: usize,
    pub pid: Pid,
    pub started: Instant,
    /// When it is taken for stuck.
    pub kill_at: Instant,
    /// Whether that has happened.
    pub killed: bool,
    ended: OwnedFd,
    /// `None` once it has written its last.
    results: Option<fs::File>,
    bytes: Vec<u8>,
}

impl WorkerProcess {
    /// Of the child `pid`, which writes what comes of its work into the other end of `results`.
    pub fn of(pid: Pid, index: usize, results: OwnedFd, kill_at: Instant) -> io::Result<Self> {
        Ok(Self {
            index,
            pid,
            started: Instant::now(),
            kill_at,
            killed: false,
            ended: pidfd(pid.as_raw().cast_unsigned())?,
            results: Some(results.into()),
            bytes: Vec::new(),
        })
    }

    /// What to wait for: that it ends, and that it writes.
    pub fn events(&self) -> impl Iterator<Item = PollFd<'_>> {
        let results = self.results.as_ref().map(AsFd::as_fd);
        [Some(self.ended.as_fd()), results]
            .into_iter()
            .flatten()
            .map(|fd| PollFd::new(fd, PollFlags::POLLIN))
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.ended.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// Reads what is there. Says whether this was the last of it.
    pub fn read_results(&mut self, ended: bool) -> bool {
        let Some(results) = &mut self.results else { return false };
        let mut buffer = [0; 16 * 1024];
        loop {
            match results.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) if self.bytes.len() + read <= LARGEST_OUTCOME => {
                    self.bytes.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ended => return false,
                Ok(_) | Err(_) => break,
            }
        }
        self.results = None;
        true
    }

    /// What it has told, or what is to be said instead of one that had `timeout` for it.
    pub fn report(&self, timeout: Duration) -> Report {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| {
            let reason = if self.killed {
                format!("it gave no answer within {:.1} s", timeout.as_secs_f64())
            } else {
                "its process ended without an answer".into()
            };
            Report { outcome: Outcome::Unable(Unable::Unmeasured(reason)), has_units: true }
        })
    }
}
