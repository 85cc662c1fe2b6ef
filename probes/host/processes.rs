use std::fs;
use std::path::PathBuf;

/// The ids of all processes that /proc shows, in ascending order.
pub fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    pids.into_iter()
}

/// The words of a process's command; empty if it is gone.
pub fn command_line(pid: u32) -> Vec<String> {
    words(&fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default())
}

/// The words of a /proc/PID/cmdline, each with a NUL behind it.
pub(crate) fn words(line: &[u8]) -> Vec<String> {
    let words = line.split(|&byte| byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Whether a process was started by another one, or by what that had started.
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    let parent = |pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        parent_in(&stat)
    };
    std::iter::successors(parent(pid), |above| parent(*above)).any(|above| above == ancestor)
}

/// The parent that a /proc/PID/stat tells (proc_pid_stat(5), field 4).
fn parent_in(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The files that a process has open, by their paths at this moment; none if it belongs to somebody
/// else, unless the caller is root.
pub fn open_files(pid: u32) -> Vec<PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_process_is_found_with_its_command_and_its_files() {
        let own = std::process::id();
        assert!(processes().any(|pid| pid == own));
        assert!(!command_line(own).is_empty());
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = fs::canonicalize(file.path()).unwrap();
        assert!(open_files(own).contains(&path));
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("78 (a) b) S 70 69 69 0"), Some(70));
        assert_eq!(parent_in(""), None);
        assert!(descends_from(std::process::id(), std::os::unix::process::parent_id()));
        assert!(!descends_from(std::process::id(), std::process::id()));
    }

    #[test]
    fn a_process_that_is_gone_has_nothing() {
        assert!(command_line(u32::MAX).is_empty());
        assert!(open_files(u32::MAX).is_empty());
        assert!(!descends_from(u32::MAX, 1));
    }
}
