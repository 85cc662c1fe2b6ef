use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::worker::WorkerResult;
use crate::exec::PidFd;
use crate::sandbox::{NotMeasured, Outcome};

/// The maximum size of a worker's result in bytes.
const RESULT_LIMIT: usize = 4 << 20;

/// The doctor's handle of a worker process.
pub(crate) struct WorkerHandle {
    /// The probe's index in the run.
    pub(crate) index: usize,
    pub(crate) pid: Pid,
    pub(crate) started: Instant,
    /// When the worker is killed as stuck.
    pub(crate) kill_at: Instant,
    /// When the needs of its probe are checked, if it has no result by then. `None` once they were.
    pub(crate) check_at: Option<Instant>,
    /// Whether it was killed.
    pub(crate) killed: bool,
    process: PidFd,
    /// `None` after the end of the result.
    results: Option<fs::File>,
    bytes: Vec<u8>,
}

impl WorkerHandle {
    /// Creates the handle of the child `pid`, which writes its result to the other end of `results`.
    pub(crate) fn of(
        pid: Pid,
        index: usize,
        results: OwnedFd,
        kill_at: Instant,
    ) -> io::Result<Self> {
        Ok(Self {
            index,
            pid,
            started: Instant::now(),
            kill_at,
            check_at: None,
            killed: false,
            process: PidFd::of(pid.as_raw().cast_unsigned())?,
            results: Some(results.into()),
            bytes: Vec::new(),
        })
    }

    /// Returns the descriptors to poll: of the exit, and of the result.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let results = self.results.as_ref().map(AsFd::as_fd);
        [Some(self.process.as_fd()), results].into_iter().flatten()
    }

    /// Reports whether the worker has exited.
    pub(crate) fn has_exited(&self) -> bool {
        self.process.has_exited()
    }

    /// Reports whether the result is incomplete.
    pub(crate) fn is_measuring(&self) -> bool {
        self.results.is_some()
    }

    /// Ignores the rest of the result.
    pub(crate) fn discard_result(&mut self) {
        self.results = None;
    }

    /// Reads what is available, without waiting. Says whether the result is now complete.
    pub(crate) fn read_results(&mut self, exited: bool) -> bool {
        let Some(results) = &mut self.results else { return false };
        let mut buffer = [0; 16 * 1024];
        loop {
            match results.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) if self.bytes.len() + read <= RESULT_LIMIT => {
                    self.bytes.extend_from_slice(&buffer[..read]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !exited => return false,
                Ok(_) | Err(_) => break,
            }
        }
        self.results = None;
        true
    }

    /// Returns the worker's result, or the reason why there is none. `timeout` is the time it had.
    pub(crate) fn result(&self, timeout: Duration) -> WorkerResult {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| {
            let reason = if self.killed {
                format!("no result within {:.1} s", timeout.as_secs_f64())
            } else {
                "the worker process exited without a result".into()
            };
            WorkerResult {
                outcome: Outcome::NotMeasured(NotMeasured::Unmeasured(reason)),
                has_units: true,
            }
        })
    }
}
