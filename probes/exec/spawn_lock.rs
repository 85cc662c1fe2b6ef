use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

/// The thread of this process that cleans up, once one does.
static CLEANUP_THREAD: Mutex<Option<ThreadId>> = Mutex::new(None);

/// Makes the calling thread the one that cleans up. Every other thread that then wants to start a
/// process, or to clean up too, waits forever, so no new process appears during clean-up.
pub(crate) fn block_spawning() {
    *spawn_permit() = Some(thread::current().id());
}

/// Waits until the calling thread may start a process: forever, if another thread cleans up. No
/// clean-up begins before the returned guard is dropped.
pub(crate) fn spawn_permit() -> MutexGuard<'static, Option<ThreadId>> {
    loop {
        let cleanup_thread = CLEANUP_THREAD.lock().unwrap_or_else(PoisonError::into_inner);
        if cleanup_thread.is_none_or(|id| id == thread::current().id()) {
            return cleanup_thread;
        }
        drop(cleanup_thread);
        // The cleanup thread ends the process.
        thread::park();
    }
}
