use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::host::GitDir;

/// How deep branches' names may nest, and how many entries are looked at, before the search ends.
const DEEPEST: usize = 12;
const MOST: usize = 20_000;
/// The files that git locks beside its refs, below the directory that is a work tree's own.
const OWN: [&str; 7] = [
    "index.lock",
    "HEAD.lock",
    "FETCH_HEAD.lock",
    "ORIG_HEAD.lock",
    "AUTO_MERGE.lock",
    "MERGE_RR.lock",
    "config.worktree.lock",
];
/// The same, below the directory that all work trees share.
const COMMON: [&str; 8] = [
    "config.lock",
    "packed-refs.lock",
    "shallow.lock",
    "gc.pid.lock",
    "objects/maintenance.lock",
    "objects/info/commit-graph.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
    "objects/pack/multi-pack-index.lock",
];

/// Something that git makes for as long as it is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// How long ago it was written; zero if that lies in the future.
    pub age: Duration,
    /// Whose it is.
    pub uid: u32,
}

impl Leftover {
    fn at(path: PathBuf) -> Option<Self> {
        let metadata = fs::symlink_metadata(&path).ok()?;
        let written = metadata.modified().ok()?;
        let age = SystemTime::now().duration_since(written).unwrap_or_default();
        Some(Self { path, age, uid: metadata.uid() })
    }

    /// Whether it is still there, and still the same.
    pub fn stays(&self) -> bool {
        Self::at(self.path.clone()).is_some_and(|now| now.age >= self.age)
    }
}

/// The lock files of git's in a repository. No file is opened.
pub fn git_locks(git: &GitDir) -> Vec<Leftover> {
    let own = OWN.iter().map(|name| git.own.join(name));
    let common = COMMON.iter().map(|name| git.common.join(name));
    let mut locks: Vec<PathBuf> = own.chain(common).collect();
    let mut left = MOST;
    add_locks_below(&git.common.join("refs"), DEEPEST, &mut left, &mut locks);
    if git.own != git.common {
        add_locks_below(&git.own.join("refs"), DEEPEST, &mut left, &mut locks);
    }
    locks.into_iter().filter_map(Leftover::at).collect()
}

fn add_locks_below(dir: &Path, depth: usize, left: &mut usize, locks: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_dir && depth > 0 {
            add_locks_below(&entry.path(), depth - 1, left, locks);
        } else if entry.path().extension().is_some_and(|end| end == "lock") {
            locks.push(entry.path());
        }
    }
}

/// The operation that was begun in a work tree and not ended, in the word of the card, and what
/// shows it (git's wt-status.c, `wt_status_get_state`).
pub fn operation(git: &GitDir) -> Option<(&'static str, Leftover)> {
    [
        ("am", "rebase-apply/applying"),
        ("rebase", "rebase-apply"),
        ("rebase", "rebase-merge"),
        ("merge", "MERGE_HEAD"),
        ("cherry-pick", "CHERRY_PICK_HEAD"),
        ("revert", "REVERT_HEAD"),
    ]
    .into_iter()
    .find_map(|(operation, name)| Some((operation, Leftover::at(git.own.join(name))?)))
}

/// A time span for people: `40 s`, `12 min`, `5 h`, `3 days`.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository(dir: &Path) -> GitDir {
        fs::create_dir_all(dir.join(".git/objects")).unwrap();
        fs::create_dir_all(dir.join(".git/refs/heads/topic")).unwrap();
        fs::write(dir.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        GitDir::find(dir).unwrap()
    }

    #[test]
    fn gits_own_locks_are_found_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let git = repository(dir.path());
        assert_eq!(git_locks(&git), []);
        for name in ["index.lock", "refs/heads/topic/a.lock", "packed-refs.lock", "agents.lock"] {
            fs::write(git.own.join(name), "").unwrap();
        }
        let found = git_locks(&git);
        let names: Vec<_> =
            found.iter().map(|lock| lock.path.strip_prefix(&git.own).unwrap()).collect();
        let expected = ["index.lock", "packed-refs.lock", "refs/heads/topic/a.lock"];
        assert_eq!(names, expected.map(Path::new));
        fs::remove_file(git.own.join("index.lock")).unwrap();
        assert!(!found[0].stays() && found[1].stays());
    }

    #[test]
    fn an_operation_is_known_by_what_git_leaves_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let git = repository(dir.path());
        assert!(operation(&git).is_none());
        let named = || operation(&git).unwrap().0;
        for (name, operation) in [
            ("REVERT_HEAD", "revert"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("MERGE_HEAD", "merge"),
        ] {
            fs::write(git.own.join(name), "").unwrap();
            assert_eq!(named(), operation);
        }
        fs::create_dir(git.own.join("rebase-apply")).unwrap();
        assert_eq!(named(), "rebase");
        fs::write(git.own.join("rebase-apply/applying"), "").unwrap();
        assert_eq!(named(), "am");
    }

    #[test]
    fn a_span_is_told_in_one_unit() {
        for (seconds, text) in [(0, "0 s"), (119, "119 s"), (180, "3 min"), (7200, "2 h")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(span(Duration::from_secs(3 * 86_400)), "3 days");
    }
}
