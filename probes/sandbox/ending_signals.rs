use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// The run was ended by a signal; everything it had started was ended and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupted(pub Signal);

/// SIGINT, SIGTERM and SIGHUP, which end a run, as something to wait for. They do what they did
/// before when this value goes.
pub struct EndingSignals {
    fd: SignalFd,
    before: SigSet,
}

impl EndingSignals {
    /// Takes them, for the calling thread and the processes that it forks.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take() -> io::Result<Self> {
        let mask = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        let fd = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before: mask.thread_swap_mask(SigmaskHow::SIG_BLOCK)? })
    }

    /// The next of them that has come.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn next(&self) -> io::Result<Option<Signal>> {
        let info = self.fd.read_signal()?;
        Ok(info.map(|it| Signal::try_from(it.ssi_signo.cast_signed()).unwrap_or(Signal::SIGTERM)))
    }
}

impl AsFd for EndingSignals {
    /// A descriptor that is readable while one has come, for poll(2).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for EndingSignals {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}
