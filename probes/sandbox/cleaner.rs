use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The thread of this process that cleans up, as soon as one does.
static CLEANER: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Makes the calling thread the one that cleans up. From then on every other thread that wants to
/// start a process, or to clean up as well, stops for ever: nothing new appears behind its back.
pub(super) fn become_cleaner() {
    *may_act() = Some(thread::current().id());
}

/// Waits, for ever if need be, until the calling thread may start a process; as long as the value
/// lives, nobody begins to clean up.
pub(super) fn may_act() -> MutexGuard<'static, Option<ThreadId>> {
    loop {
        let cleaner = CLEANER.lock().unwrap_or_else(PoisonError::into_inner);
        if cleaner.is_none_or(|cleaner| cleaner == thread::current().id()) {
            return cleaner;
        }
        drop(cleaner);
        // The cleaner ends the process.
        thread::park();
    }
}
