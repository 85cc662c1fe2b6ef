use std::fs;
use std::path::{Path, PathBuf};

/// A process and a file that it has open, in one of its descriptors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenFile {
    /// The process id.
    pub pid: u32,
    /// The file's path at this moment.
    pub path: PathBuf,
}

/// The files below `dir` that any process has open, as far as the calling user may look: his own
/// processes, or root all of them. In the order of the process ids.
pub fn open_files_below(dir: &Path) -> Vec<OpenFile> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let mut found: Vec<OpenFile> = processes
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .flat_map(|(pid, process)| {
            let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            descriptors
                .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
                .filter(|path| path.starts_with(dir))
                .map(move |path| OpenFile { pid, path })
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The words of a process's command; empty if it is gone.
pub fn command_line(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = line.split(|&byte| byte == 0).filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_as_long_as_it_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let path = dir.join("file");
        let file = fs::File::create(&path).unwrap();
        let own = OpenFile { pid: std::process::id(), path };
        assert_eq!(open_files_below(&dir), [own]);
        drop(file);
        assert_eq!(open_files_below(&dir), []);
    }

    #[test]
    fn a_command_line_is_words() {
        assert!(!command_line(std::process::id()).is_empty());
        assert!(command_line(u32::MAX).is_empty());
    }
}
