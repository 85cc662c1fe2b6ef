use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getppid};

use super::signals::TerminationSignals;
use super::{RunError, Subreaper};
use crate::exec::{PidFd, time_left, wait_readable};
use crate::host::{Manager, User};

/// How long a run waits for other runs. On two processors twenty runs take about a minute.
const WAIT_TIMEOUT: Duration = Duration::from_secs(120);

/// The lock that lets one run per user examine a manager at a time. Concurrent runs would slow each other
/// down: a manager notifies every waiting launch about every unit.
///
/// It is a lock on an existing directory that other users cannot open, so it leaves no file and other
/// users cannot take it. The workers of a killed doctor hold it until they have cleaned up.
pub struct RunLock {
    _dir: Option<File>,
}

/// An event while a run waits for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockEvent {
    /// Another run holds the lock.
    Waiting,
    /// The other run still holds the lock after two minutes. This one starts without it.
    TimedOut,
    /// The other run still holds the lock at this one's deadline.
    DeadlineReached,
}

impl RunLock {
    /// Waits until no other run of this user examines the manager, but not after `deadline`. Does not wait
    /// on a host without the directory to lock.
    ///
    /// The calling process must have a single thread, because it forks.
    ///
    /// # Errors
    /// If SIGINT, SIGTERM or SIGHUP arrives meanwhile, or the kernel refuses to report signals.
    pub fn wait(
        _subreaper: &Subreaper,
        manager: Manager,
        deadline: Instant,
        on_event: impl FnMut(LockEvent),
    ) -> Result<Self, RunError> {
        let timeout = Instant::now() + WAIT_TIMEOUT;
        Self::wait_at(&directory(manager), timeout, deadline, on_event)
    }

    fn wait_at(
        dir: &Path,
        timeout: Instant,
        deadline: Instant,
        mut on_event: impl FnMut(LockEvent),
    ) -> Result<Self, RunError> {
        let Ok(dir) = File::open(dir) else { return Ok(Self { _dir: None }) };
        if matches!(dir.try_lock(), Err(TryLockError::WouldBlock)) {
            on_event(LockEvent::Waiting);
            let signals = TerminationSignals::block()?;
            let waiter = LockWaiter::start(&dir)?;
            if !waiter.wait(timeout.min(deadline), &signals)? {
                let is_over = deadline < timeout;
                on_event(if is_over { LockEvent::DeadlineReached } else { LockEvent::TimedOut });
            }
            if let Some(signal) = signals.try_recv()? {
                return Err(RunError::Interrupted(signal));
            }
        }
        Ok(Self { _dir: Some(dir) })
    }
}

/// Returns the directory to lock, of mode 0700: logind creates a user's, systemd-tmpfiles the system's.
fn directory(manager: Manager) -> PathBuf {
    match manager {
        Manager::User => User::current().runtime_dir(),
        Manager::System => "/var/lib/private".into(),
    }
}

/// A process that waits for a lock, because flock(2) has no timeout. The lock belongs to the open file
/// description, which both processes share. The process is killed when this value is dropped.
struct LockWaiter {
    pid: Pid,
    process: PidFd,
}

impl LockWaiter {
    fn start(file: &File) -> io::Result<Self> {
        let caller = Pid::this();
        // SAFETY: the child only makes system calls.
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
                Ok(Self { pid: child, process: PidFd::of(child.as_raw().cast_unsigned())? })
            }
        }
    }

    /// Waits until the process has exited or a signal has arrived. Says whether that was before
    /// `deadline`.
    fn wait(&self, deadline: Instant, signals: &TerminationSignals) -> io::Result<bool> {
        loop {
            let ready = wait_readable(&[self.process.as_fd(), signals.as_fd()], deadline)?;
            if ready.contains(&true) {
                return Ok(true);
            }
            if time_left(deadline).is_zero() {
                return Ok(false);
            }
        }
    }
}

impl Drop for LockWaiter {
    fn drop(&mut self) {
        let _ = kill(self.pid, Signal::SIGKILL);
        let _ = waitpid(self.pid, None);
    }
}

#[cfg(test)]
mod tests {
    use serial_test::serial;

    use super::*;

    fn long_after(instant: Instant) -> Instant {
        instant + Duration::from_secs(3600)
    }

    /// Takes the lock of `dir`. Returns the events and the lock.
    fn wait(dir: &Path, timeout: Duration) -> (Vec<LockEvent>, RunLock) {
        let mut events = Vec::new();
        let timeout = Instant::now() + timeout;
        let lock = RunLock::wait_at(dir, timeout, long_after(timeout), |event| events.push(event));
        (events, lock.unwrap())
    }

    #[test]
    #[serial(fork)]
    fn a_run_waits_until_the_other_one_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (events, first) = wait(dir.path(), Duration::from_secs(60));
        assert_eq!(events, []);
        let mut first = Some(first);
        let mut events = Vec::new();
        let timeout = Instant::now() + Duration::from_secs(60);
        let second = RunLock::wait_at(dir.path(), timeout, long_after(timeout), |event| {
            events.push(event);
            drop(first.take());
        });
        assert_eq!(events, [LockEvent::Waiting]);
        drop(second.unwrap());
        // A command that another test starts may inherit the lock until it calls execve(2).
        let (events, _third) = wait(dir.path(), Duration::from_secs(60));
        assert!(!events.contains(&LockEvent::TimedOut));
    }

    #[test]
    #[serial(fork)]
    fn a_run_does_not_wait_longer_than_its_timeout() {
        let dir = tempfile::tempdir().unwrap();
        let (_, _held) = wait(dir.path(), Duration::ZERO);
        let (events, _second) = wait(dir.path(), Duration::from_millis(1));
        assert_eq!(events, [LockEvent::Waiting, LockEvent::TimedOut]);
    }

    #[test]
    #[serial(fork)]
    fn a_run_does_not_wait_after_its_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let (_, _held) = wait(dir.path(), Duration::ZERO);
        let mut events = Vec::new();
        let deadline = Instant::now() + Duration::from_millis(1);
        RunLock::wait_at(dir.path(), long_after(deadline), deadline, |event| events.push(event))
            .unwrap();
        assert_eq!(events, [LockEvent::Waiting, LockEvent::DeadlineReached]);
    }

    #[test]
    #[serial(fork)]
    fn a_run_does_not_wait_without_a_directory_to_lock() {
        let (events, _) = wait(Path::new("/no/such/directory"), Duration::ZERO);
        assert_eq!(events, []);
    }

    #[test]
    #[serial(fork)]
    fn a_signal_ends_the_wait() {
        let dir = tempfile::tempdir().unwrap();
        let (_, _held) = wait(dir.path(), Duration::ZERO);
        let timeout = Instant::now() + Duration::from_secs(60);
        let result = RunLock::wait_at(dir.path(), timeout, long_after(timeout), |_| {
            // The signal stays pending until the wait reads it.
            let signals = nix::sys::signal::SigSet::from_iter([Signal::SIGTERM]);
            signals.thread_block().unwrap();
            // SAFETY: pthread_kill(3) takes the calling thread and a valid signal.
            unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGTERM) };
        });
        assert!(matches!(result, Err(RunError::Interrupted(Signal::SIGTERM))));
    }
}
