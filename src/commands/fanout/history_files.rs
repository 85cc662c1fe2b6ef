use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use launch_probes::host::User;

use crate::fanout::LockHistory;

/// Where the public format's own writer keeps its history (gptme-runloops, utils/lock.py).
const DEFAULT: &str = "/tmp/gptme-lock-history.log";

/// The lock histories that were read.
#[derive(Debug, Default)]
pub(super) struct HistoryFiles {
    pub history: Option<LockHistory>,
    pub count: u32,
}

impl HistoryFiles {
    /// Reads the histories that were named; without one, that of the default path, if the user or
    /// root owns it: in a directory that is everyone's, anyone can put a file.
    ///
    /// # Errors
    /// When one cannot be read, or is no lock history.
    pub(super) fn read(named: &[PathBuf]) -> anyhow::Result<Self> {
        let paths = if named.is_empty() { default_path() } else { named.to_vec() };
        if paths.is_empty() {
            return Ok(Self::default());
        }
        let mut files = Vec::with_capacity(paths.len());
        for path in &paths {
            let bytes = fs::read(path)
                .with_context(|| format!("cannot read the lock history {}", path.display()))?;
            files.push((path.display().to_string(), bytes));
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
        let count = u32::try_from(files.len()).unwrap_or(u32::MAX);
        Ok(Self { history: Some(LockHistory::parse(&files)?), count })
    }
}

fn default_path() -> Vec<PathBuf> {
    let path = Path::new(DEFAULT);
    let owner = User::current().uid;
    // The file itself, not what a link leads to.
    let is_own = fs::symlink_metadata(path)
        .is_ok_and(|it| it.is_file() && (it.uid() == owner || it.uid() == 0));
    if is_own { vec![path.to_owned()] } else { Vec::new() }
}
