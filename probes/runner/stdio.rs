use std::sync::atomic::{AtomicBool, Ordering};

use nix::libc;

static STDOUT_WAS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Reports whether the process was started with a closed standard output. Rust's start-up code opens
/// /dev/null in its place, so that writing succeeds and the output is lost.
pub fn stdout_was_closed() -> bool {
    STDOUT_WAS_CLOSED.load(Ordering::Relaxed)
}

extern "C" fn detect_closed_stdout() {
    // SAFETY: F_GETFD only reads the descriptor's flags.
    if unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } == -1 {
        STDOUT_WAS_CLOSED.store(true, Ordering::Relaxed);
    }
}

// SAFETY: the loader calls the function once, before any other code of the program. The function uses
// only a system call and an atomic, which need no initialization.
#[used]
#[unsafe(link_section = ".init_array")]
static STARTUP_HOOK: extern "C" fn() = detect_closed_stdout;
