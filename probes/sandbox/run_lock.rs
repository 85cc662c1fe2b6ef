use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getppid};

use super::ending_signals::{EndingSignals, Interrupted};
use super::household::Household;
use super::running::pidfd;
use super::settings::Manager;
use crate::host::User;

/// How long a doctor waits for others. On two processors twenty of them are done in a minute.
const PATIENCE: Duration = Duration::from_secs(120);

/// The right to examine a manager, which one doctor of a user has at a time. Side by side their
/// launches would be each other's load: a manager tells every launch that waits of every unit.
///
/// It is a lock on a directory that is there anyway and that nobody else may open, so that no file
/// is left and nobody else can hold it. The workers of a doctor that was killed keep it until they
/// have cleaned up.
pub struct RunLock {
    _dir: Option<File>,
}

/// What becomes of waiting for another doctor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// Another one runs and is waited for.
    Began,
    /// It did not end in two minutes, and is not waited for any longer.
    GivenUp,
}

impl RunLock {
    /// Waits until no other doctor of this user examines the manager. Where there is no directory
    /// to lock, there is nobody to wait for.
    ///
    /// The calling process must have a single thread: it forks.
    ///
    /// # Errors
    /// When SIGINT, SIGTERM or SIGHUP came meanwhile, or (as the outer result) when the kernel
    /// refused to tell of them.
    pub fn wait(
        _household: &Household,
        manager: Manager,
        on_waiting: impl FnMut(Waiting),
    ) -> io::Result<Result<Self, Interrupted>> {
        Self::wait_at(&directory(manager), PATIENCE, on_waiting)
    }

    fn wait_at(
        dir: &Path,
        patience: Duration,
        mut on_waiting: impl FnMut(Waiting),
    ) -> io::Result<Result<Self, Interrupted>> {
        let Ok(dir) = File::open(dir) else { return Ok(Ok(Self { _dir: None })) };
        if matches!(dir.try_lock(), Err(TryLockError::WouldBlock)) {
            on_waiting(Waiting::Began);
            let signals = EndingSignals::take()?;
            let waiter = Waiter::start(&dir)?;
            if !waiter.has_ended_within(patience, &signals)? {
                on_waiting(Waiting::GivenUp);
            }
            if let Some(signal) = signals.next()? {
                return Ok(Err(Interrupted(signal)));
            }
        }
        Ok(Ok(Self { _dir: Some(dir) }))
    }
}

/// The directory that stands for a manager: of mode 0700, made for each user by logind, and for the
/// system by systemd-tmpfiles.
fn directory(manager: Manager) -> PathBuf {
    match manager {
        Manager::User => User::current().runtime_dir(),
        Manager::System => "/var/lib/private".into(),
    }
}

/// A process that waits for a lock, since flock(2) itself waits for ever. What it gets, the caller
/// has: the lock is the open file's, which both share. It is killed when this value goes.
struct Waiter {
    pid: Pid,
    ended: OwnedFd,
}

impl Waiter {
    fn start(file: &File) -> io::Result<Self> {
        let caller = Pid::this();
        // SAFETY: the child makes system calls only.
        match unsafe { fork() }? {
            ForkResult::Child => {
                let _ = prctl::set_pdeathsig(Signal::SIGKILL);
                if getppid() == caller {
                    let _ = file.lock();
                }
                // SAFETY: _exit(2) takes an integer and does not return.
                unsafe { libc::_exit(0) }
            }
            ForkResult::Parent { child } => {
                Ok(Self { pid: child, ended: pidfd(child.as_raw().cast_unsigned())? })
            }
        }
    }

    /// Waits until it has ended, a signal has come, or the time is up, which it says.
    fn has_ended_within(&self, patience: Duration, signals: &EndingSignals) -> io::Result<bool> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            let mut fds =
                [self.ended.as_fd(), signals.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
            match poll(&mut fds, timeout) {
                Ok(ready) => return Ok(ready > 0),
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was said while the lock of `dir` was waited for, and the lock.
    fn wait(dir: &Path, patience: Duration) -> (Vec<Waiting>, RunLock) {
        let mut said = Vec::new();
        let lock = RunLock::wait_at(dir, patience, |waiting| said.push(waiting));
        (said, lock.unwrap().unwrap())
    }

    #[test]
    fn one_has_it_at_a_time_and_its_end_lets_the_next_one_in() {
        let dir = tempfile::tempdir().unwrap();
        let (said, first) = wait(dir.path(), Duration::from_secs(60));
        assert_eq!(said, []);
        let mut first = Some(first);
        let mut said = Vec::new();
        let second = RunLock::wait_at(dir.path(), Duration::from_secs(60), |waiting| {
            said.push(waiting);
            drop(first.take());
        });
        assert!(second.unwrap().is_ok());
        assert_eq!(said, [Waiting::Began]);
        let (said, _third) = wait(dir.path(), Duration::from_secs(60));
        assert_eq!(said, []);
    }

    #[test]
    fn one_that_does_not_end_is_given_up() {
        let dir = tempfile::tempdir().unwrap();
        let (_, _held) = wait(dir.path(), Duration::ZERO);
        let (said, _second) = wait(dir.path(), Duration::from_millis(1));
        assert_eq!(said, [Waiting::Began, Waiting::GivenUp]);
    }

    #[test]
    fn where_there_is_no_directory_nobody_is_waited_for() {
        let (said, _) = wait(Path::new("/no/such/directory"), Duration::ZERO);
        assert_eq!(said, []);
    }

    #[test]
    fn a_signal_ends_the_waiting() {
        let dir = tempfile::tempdir().unwrap();
        let (_, _held) = wait(dir.path(), Duration::ZERO);
        let end = RunLock::wait_at(dir.path(), Duration::from_secs(60), |_| {
            // Blocked here, so that it waits for the waiting to take it.
            let signals = nix::sys::signal::SigSet::from_iter([Signal::SIGTERM]);
            signals.thread_block().unwrap();
            // SAFETY: pthread_kill(3) of the calling thread.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGTERM) };
        });
        assert_eq!(end.unwrap().err(), Some(Interrupted(Signal::SIGTERM)));
    }
}
