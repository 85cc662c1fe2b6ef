use std::fs;

use nix::libc;

/// Whether a process sleeps in flock(2): it waits for a lock.
///
/// /proc/locks would tell it, too, but in a process-id namespace it leaves out each lock whose taker
/// has ended, and with it all that wait for the lock (Linux fs/locks.c, `locks_show`).
pub fn waits_for_flock(pid: u32) -> bool {
    match fs::read_to_string(format!("/proc/{pid}/syscall")) {
        Ok(call) => is_flock(&call),
        // Where ptrace(2) is forbidden, so is that file; flock(1) sleeps in no other call.
        Err(_) => fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| sleeps(&stat)),
    }
}

/// Whether /proc/PID/syscall, such as `73 0x9 0x2 …`, names flock(2); a process that runs has
/// `running` there.
fn is_flock(call: &str) -> bool {
    let number = call.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    number == Some(libc::SYS_flock)
}

/// Whether /proc/PID/stat shows a sleeping flock(1).
fn sleeps(stat: &str) -> bool {
    stat.split_once(" (flock) ").is_some_and(|(_, fields)| fields.starts_with('S'))
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
    fn a_sleeping_flock_is_known_by_its_name_and_state() {
        assert!(sleeps("78 (flock) S 70 69 69 0"));
        assert!(!sleeps("78 (flock) D 70 69 69 0"));
        assert!(!sleeps("78 (sh) S 70 69 69 0"));
    }
}
