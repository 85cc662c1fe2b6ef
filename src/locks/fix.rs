use std::path::Path;

use crate::text::quote;

/// Releases a lock of flock(2) through the descriptor of a process that inherited it, which goes on:
/// `pidfd_open(PID)` and `pidfd_getfd(FD)` (Linux 5.6, the same numbers on all architectures but alpha) give this
/// process the same open file description, and `flock(LOCK_UN)` of any of its descriptors releases the lock (flock(2)).
pub const RELEASE_SCRIPT: &str = "$f = syscall(438, syscall(434, $ARGV[0]+0, 0), $ARGV[1]+0, 0); open(F, \"+<&=$f\") && flock(F, 8) || die \"$!\\n\"";

/// Returns the command that releases a lock that a process inherited.
pub(super) fn release(pid: u32, fd: u32) -> String {
    format!("perl -e '{RELEASE_SCRIPT}' {pid} {fd}")
}

/// Returns the command that waits until a lock is free, also if its file was deleted.
pub(super) fn wait(pid: u32, fd: u32) -> String {
    format!("flock /proc/{pid}/fd/{fd} true")
}

/// Returns the command that removes one of git's lock files.
pub(super) fn remove(path: &Path) -> String {
    format!("rm -- {}", quote(&path.to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(remove(Path::new("/a b/index.lock")), "rm -- '/a b/index.lock'");
        assert!(!RELEASE_SCRIPT.contains('\''));
        assert!(release(857, 9).ends_with("' 857 9"));
        assert_eq!(wait(857, 9), "flock /proc/857/fd/9 true");
    }
}
