use std::fs;
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

use super::ProcStat;
use super::kernel_file::{read_kernel_file, read_kernel_text};

/// Returns the ids of all processes in /proc, in ascending order.
pub fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter()
}

/// Returns whether there is such a process, even where /proc does not show it.
pub fn process_exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    pid > 0 && kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH)
}

/// Returns the arguments of a process; empty if it has exited.
pub fn command_line(pid: u32) -> Vec<String> {
    arguments(&read_kernel_file(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

/// Parses /proc/PID/cmdline: arguments that each end with a NUL. Empty ones are skipped.
pub(crate) fn arguments(cmdline: &[u8]) -> Vec<String> {
    let arguments = cmdline.split(|&byte| byte == 0).filter(|argument| !argument.is_empty());
    arguments.map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

/// Reports whether a process is a child or a later descendant of another one.
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    let parent = |pid| Some(ProcStat::of_pid(pid).ok()??.parent);
    std::iter::successors(parent(pid), |above| parent(*above)).any(|above| above == ancestor)
}

/// Returns the current paths of a process's open files. Empty if the process belongs to another user and
/// the caller is not root.
pub fn open_files(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok()).collect()
}

/// Reports whether a process blocks a signal (`SigBlk` in `proc_pid_status(5)`), so that it reads the signal from a
/// descriptor, or not at all, and does not die of it. `None` if the process has exited.
pub fn blocks_signal(pid: u32, signal: i32) -> Option<bool> {
    let status = read_kernel_text(format!("/proc/{pid}/status")).ok()?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> u32::try_from(signal - 1).ok()? & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_process_is_listed_with_its_arguments_and_files() {
        let own = std::process::id();
        assert!(processes().any(|pid| pid == own));
        assert!(!command_line(own).is_empty());
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = fs::canonicalize(file.path()).unwrap();
        assert!(open_files(own).contains(&path));
    }

    #[test]
    fn a_process_descends_from_its_parent_and_not_from_itself() {
        assert!(descends_from(std::process::id(), std::os::unix::process::parent_id()));
        assert!(!descends_from(std::process::id(), std::process::id()));
    }

    #[test]
    fn a_blocked_signal_is_found_in_the_mask() {
        let mut signals = nix::sys::signal::SigSet::empty();
        signals.add(nix::sys::signal::Signal::SIGWINCH);
        signals.thread_block().unwrap();
        // /proc/thread-self is this thread; /proc/PID/status is the first one's.
        let tid = u32::try_from(nix::unistd::gettid().as_raw()).unwrap();
        assert_eq!(blocks_signal(tid, nix::libc::SIGWINCH), Some(true));
        assert_eq!(blocks_signal(tid, nix::libc::SIGCHLD), Some(false));
        assert_eq!(blocks_signal(u32::MAX, 1), None);
    }

    #[test]
    fn a_process_that_has_exited_has_neither_arguments_nor_files() {
        assert!(command_line(u32::MAX).is_empty());
        assert!(!process_exists(u32::MAX) && process_exists(std::process::id()));
        assert!(open_files(u32::MAX).is_empty());
        assert!(!descends_from(u32::MAX, 1));
    }
}
