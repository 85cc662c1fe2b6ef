use nix::sys::prctl;

/// Keeps the process's memory, and with it an environment that may hold people's keys, to itself: the
/// kernel neither writes a core dump of it nor starts a handler of core dumps, which would log the
/// environment whatever RLIMIT_CORE says (systemd-coredump(8)), and of /proc/PID nobody but root reads
/// `environ` and `mem` (PR_SET_DUMPABLE(2const)).
///
/// Workers are forked and inherit it. What they start are ordinary processes again (execve(2)).
pub fn keep_memory_private() {
    // The call has no way to fail.
    let _ = prctl::set_dumpable(false);
}
