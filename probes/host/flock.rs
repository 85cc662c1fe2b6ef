use std::fs;

use nix::libc;

/// Whether a process waits for a lock of flock(2).
///
/// It then sleeps in that call, and can be interrupted. For a moment it may also sleep there
/// uninterruptibly, because somebody reads /proc/locks (Linux fs/locks.c, `file_rwsem`). What that
/// file says of waiters is no help: in a process-id namespace it leaves out each lock whose taker has
/// ended, and with it all that wait for the lock (`locks_show`).
pub fn waits_for_flock(pid: u32) -> bool {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall"));
    // Second, so that it is the state in that call or after it.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    match call {
        Ok(call) => is_flock(&call) && sleeps(&stat),
        // Where ptrace(2) is forbidden, so is that file; flock(1) sleeps in no other call.
        Err(_) => stat.contains(" (flock) ") && sleeps(&stat),
    }
}

/// Whether /proc/PID/syscall, such as `73 0x9 0x2 …`, names flock(2); a process that runs has
/// `running` there.
pub(crate) fn is_flock(call: &str) -> bool {
    let number = call.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    number == Some(libc::SYS_flock)
}

/// Whether /proc/PID/stat shows an interruptible sleep (proc_pid_stat(5), field 3).
pub(crate) fn sleeps(stat: &str) -> bool {
    stat.rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('S'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_in_flock_waits_for_a_lock() {
        assert!(is_flock(&format!("{} 0x9 0x2 0x0 0x0 0x0 0x0 0x7ffe 0x7f1b\n", libc::SYS_flock)));
        for call in ["running\n", "-1 0x7ffe 0x7f1b\n", "", "0 0x9 0x2 0x0\n"] {
            assert!(!is_flock(call), "{call}");
        }
        assert!(!waits_for_flock(std::process::id()));
    }

    #[test]
    fn only_an_interruptible_sleep_counts() {
        assert!(sleeps("78 (flock) S 70 69 69 0"));
        assert!(sleeps("78 (a) R b) S 70 69 69 0"));
        assert!(!sleeps("78 (flock) D 70 69 69 0"));
        assert!(!sleeps("78 (flock) R 70 69 69 0"));
        assert!(!sleeps(""));
    }
}
