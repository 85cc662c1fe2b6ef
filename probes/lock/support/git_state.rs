use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::host::GitDir;

/// What shows that an operation is in progress (git, wt-status.c, `wt_status_get_state`).
const OPERATIONS: [(GitOperation, &str); 7] = [
    (GitOperation::Am, "rebase-apply/applying"),
    (GitOperation::Rebase, "rebase-apply"),
    (GitOperation::Rebase, "rebase-merge"),
    (GitOperation::Merge, "MERGE_HEAD"),
    (GitOperation::CherryPick, "CHERRY_PICK_HEAD"),
    (GitOperation::Revert, "REVERT_HEAD"),
    (GitOperation::Bisect, "BISECT_LOG"),
];
/// The steps that remain of a cherry-pick or revert of several commits, also after one of them was committed by hand.
const SEQUENCE: &str = "sequencer/todo";

/// An operation that git continues or aborts on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitOperation {
    Am,
    Rebase,
    Merge,
    CherryPick,
    Revert,
    Bisect,
}

impl GitOperation {
    /// Returns the git command of that name.
    pub(crate) fn command(self) -> &'static str {
        match self {
            Self::Am => "am",
            Self::Rebase => "rebase",
            Self::Merge => "merge",
            Self::CherryPick => "cherry-pick",
            Self::Revert => "revert",
            Self::Bisect => "bisect",
        }
    }
}

/// A file or directory that exists only while git works, unless that git was killed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaleEntry {
    pub(crate) path: PathBuf,
    /// The time since it was modified; zero if that is in the future.
    pub(crate) age: Duration,
}

impl StaleEntry {
    fn read(path: PathBuf) -> Option<Self> {
        let metadata = fs::symlink_metadata(&path).ok()?;
        let modified = metadata.modified().ok()?;
        let age = SystemTime::now().duration_since(modified).unwrap_or_default();
        Some(Self { path, age })
    }
}

/// Returns the operation that is in progress in a work tree, and the entry that shows it.
pub(crate) fn operation_in_progress(git: &GitDir) -> Option<(GitOperation, StaleEntry)> {
    let read = |name: &str| StaleEntry::read(git.git_dir.join(name));
    let (bisect, others) = OPERATIONS.split_last()?;
    let found = others.iter().find_map(|(operation, name)| Some((*operation, read(name)?)));
    let sequence = || Some((sequence_operation(git)?, read(SEQUENCE)?));
    found.or_else(sequence).or_else(|| Some((bisect.0, read(bisect.1)?)))
}

/// Returns the operation of the steps that remain (git, sequencer.c, `sequencer_get_last_command`).
fn sequence_operation(git: &GitDir) -> Option<GitOperation> {
    let steps = fs::read_to_string(git.git_dir.join(SEQUENCE)).ok()?;
    match steps.split_whitespace().next()? {
        "pick" | "p" => Some(GitOperation::CherryPick),
        "revert" => Some(GitOperation::Revert),
        _ => None,
    }
}

/// Formats an age in one unit: `40 s`, `12 min`, `5 h`, `3 days`.
pub(crate) fn format_age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn create_repository(dir: &Path) -> GitDir {
        fs::create_dir_all(dir.join(".git/objects")).unwrap();
        fs::create_dir_all(dir.join(".git/refs")).unwrap();
        fs::write(dir.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        GitDir::find(dir).unwrap()
    }

    #[test]
    fn an_operation_is_recognized_by_the_file_that_git_creates_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let git = create_repository(dir.path());
        assert!(operation_in_progress(&git).is_none());
        let command = || operation_in_progress(&git).unwrap().0.command();
        fs::create_dir(git.git_dir.join("sequencer")).unwrap();
        for (name, text, expected) in [
            ("BISECT_LOG", "", "bisect"),
            ("sequencer/todo", "pick 0123456 b\n", "cherry-pick"),
            ("sequencer/todo", "revert 0123456 b\n", "revert"),
            ("REVERT_HEAD", "", "revert"),
            ("CHERRY_PICK_HEAD", "", "cherry-pick"),
            ("MERGE_HEAD", "", "merge"),
        ] {
            fs::write(git.git_dir.join(name), text).unwrap();
            assert_eq!(command(), expected);
        }
        fs::create_dir(git.git_dir.join("rebase-apply")).unwrap();
        assert_eq!(command(), "rebase");
        fs::write(git.git_dir.join("rebase-apply/applying"), "").unwrap();
        assert_eq!(command(), "am");
    }

    #[test]
    fn an_age_is_formatted_in_one_unit() {
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h")] {
            assert_eq!(format_age(Duration::from_secs(seconds)), text);
        }
        assert_eq!(format_age(Duration::from_hours(72)), "3 days");
    }
}
