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
    fn a_process_that_is_gone_has_nothing() {
        assert!(command_line(u32::MAX).is_empty());
        assert!(open_files(u32::MAX).is_empty());
    }
}
