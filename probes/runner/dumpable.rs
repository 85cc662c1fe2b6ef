use nix::sys::prctl;

/// Makes the process not dumpable (`PR_SET_DUMPABLE(2const)`), because its environment may contain keys.
/// The kernel then neither writes a core dump nor starts a core dump handler, which would log the
/// environment whatever `RLIMIT_CORE` says (systemd-coredump(8)). Only root can read `environ` and `mem`
/// in /proc/PID.
///
/// Forked workers inherit the setting. The programs that they start do not (execve(2)).
pub fn disable_core_dumps() {
    // The call cannot fail with a valid argument.
    let _ = prctl::set_dumpable(false);
}
