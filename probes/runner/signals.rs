use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// SIGINT, SIGTERM and SIGHUP, blocked and readable from a descriptor. Dropping this value restores the
/// signal mask.
pub struct TerminationSignals {
    fd: SignalFd,
    before: SigSet,
}

impl TerminationSignals {
    /// Blocks the signals in the calling thread and the processes that it forks.
    ///
    /// # Errors
    /// If the kernel refuses a descriptor.
    pub fn block() -> io::Result<Self> {
        let mask = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
        let fd = SignalFd::with_flags(&mask, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { fd, before: mask.thread_swap_mask(SigmaskHow::SIG_BLOCK)? })
    }

    /// Returns the next pending signal, without waiting.
    ///
    /// # Errors
    /// If the descriptor cannot be read.
    pub fn try_recv(&self) -> io::Result<Option<Signal>> {
        let info = self.fd.read_signal()?;
        Ok(info.map(|it| Signal::try_from(it.ssi_signo.cast_signed()).unwrap_or(Signal::SIGTERM)))
    }
}

impl AsFd for TerminationSignals {
    /// Returns a descriptor that is readable while a signal is pending.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for TerminationSignals {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}
