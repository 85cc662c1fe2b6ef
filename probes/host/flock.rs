use nix::libc;

use super::ProcStat;
use super::kernel_file::read_kernel_text;

/// Reports whether a process waits for a lock of flock(2).
///
/// A waiting process sleeps interruptibly in that call. For a moment it may also sleep uninterruptibly
/// there, while another process reads /proc/locks (Linux fs/locks.c, `file_rwsem`). /proc/locks itself
/// cannot be used: in a process-id namespace it omits each lock whose taker has exited, and with it all
/// waiters for that lock (`locks_show`).
pub fn waits_for_flock(pid: u32) -> bool {
    let call = read_kernel_text(format!("/proc/{pid}/syscall"));
    // Read after the call, so that the state is the one in that call or later.
    let Ok(Some(stat)) = ProcStat::of_pid(pid) else { return false };
    // Without permission for ptrace(2) the file is unreadable. flock(1) sleeps in no other call.
    let is_in_flock = call.map_or_else(|_| stat.comm == "flock", |call| is_flock(&call));
    is_in_flock && stat.state == 'S'
}

/// Reports whether /proc/PID/syscall names flock(2), such as `73 0x9 0x2 …`. The file of a running process
/// says `running`.
pub(crate) fn is_flock(call: &str) -> bool {
    let number = call.split_ascii_whitespace().next().and_then(|number| number.parse().ok());
    number == Some(libc::SYS_flock)
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
}
