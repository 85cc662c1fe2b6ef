use std::collections::BTreeSet;
use std::fs;

/// The initial process-id namespace (Linux `include/linux/proc_ns.h`, `PROC_PID_INIT_INO`).
const INITIAL_NAMESPACE: &str = "pid:[4026531836]";

/// Returns the inodes of all locked files, those that other users lock included; `None` in a process-id namespace, where
/// /proc/locks omits a lock whose taker is outside or has exited. The device is left out: on an overlay it is another
/// one than that of stat(2).
pub fn unseen_lock_inodes() -> Option<BTreeSet<u64>> {
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
    if namespace.to_str() != Some(INITIAL_NAMESPACE) {
        return None;
    }
    let table = fs::read_to_string("/proc/locks").ok()?;
    Some(table.lines().filter_map(locked_inode).collect())
}

/// Returns the inode of a line of /proc/locks, such as `1: FLOCK  ADVISORY  WRITE 42 00:1c8:20 0 EOF` (`proc_locks(5)`).
pub(crate) fn locked_inode(line: &str) -> Option<u64> {
    let words = line.split_ascii_whitespace().skip(1).filter(|word| *word != "->");
    let file = words.take(5).nth(4)?;
    let (device, inode) = file.rsplit_once(':')?;
    device.contains(':').then(|| inode.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inode_is_read_from_holders_and_waiters() {
        assert_eq!(locked_inode("34: FLOCK  ADVISORY  WRITE 26417 00:190:3 0 EOF"), Some(3));
        assert_eq!(locked_inode("34: -> FLOCK  ADVISORY  WRITE 26436 00:190:3 0 EOF"), Some(3));
        assert_eq!(locked_inode("5: OFDLCK ADVISORY  WRITE -1 fe:00:77 0 EOF"), Some(77));
        for other in ["", "5: OFDLCK ADVISORY  WRITE -1 77 0 EOF", "a b c d e f g"] {
            assert_eq!(locked_inode(other), None, "{other}");
        }
    }
}
