use std::fs;
use std::path::{Path, PathBuf};

use crate::host::GitDir;
use crate::host::git_dir::read_gitfile;

/// The pieces without which git sees no repository (git, setup.c, `is_git_directory`).
const PIECES: [&str; 3] = ["HEAD", "objects", "refs"];

/// Where git expects a repository's files. It is found by reading files, so that it is known as well where git itself
/// refuses to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryEntry {
    /// The directory with `.git`; the repository itself if that is bare.
    pub(crate) top: PathBuf,
    /// What leads to the git directory.
    pub(crate) kind: EntryKind,
    /// The git directory, which may be incomplete or missing.
    pub(crate) git_dir: PathBuf,
    /// The directory that all work trees of the repository share.
    pub(crate) common_dir: PathBuf,
}

/// What leads to a git directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// `.git` is a directory.
    Directory,
    /// `.git` is a file that names another directory.
    File,
    /// The directory itself is the repository.
    Bare,
}

impl RepositoryEntry {
    /// Searches `start` and its parent directories for the first one with a `.git`, whether that is intact or not, or
    /// that is a bare repository.
    pub(crate) fn find(start: &Path) -> Option<Self> {
        start.ancestors().find_map(|dir| {
            let entry = dir.join(".git");
            let Ok(metadata) = fs::metadata(&entry) else {
                let is_bare = GitDir::find(dir).is_some_and(|git| git.git_dir == dir);
                return is_bare.then(|| Self::new(dir, EntryKind::Bare, dir.to_owned()));
            };
            if metadata.is_dir() {
                return Some(Self::new(dir, EntryKind::Directory, entry));
            }
            let target = read_gitfile(&entry, b"gitdir: ");
            let git_dir = target.map_or(entry, |target| dir.join(target));
            Some(Self::new(dir, EntryKind::File, git_dir))
        })
    }

    fn new(top: &Path, kind: EntryKind, git_dir: PathBuf) -> Self {
        let git_dir = fs::canonicalize(&git_dir).unwrap_or(git_dir);
        let common_dir = read_gitfile(&git_dir.join("commondir"), b"")
            .and_then(|target| fs::canonicalize(git_dir.join(target)).ok())
            .unwrap_or_else(|| git_dir.clone());
        Self { top: top.to_owned(), kind, git_dir, common_dir }
    }

    /// Returns its directories for the readers of a repository that is intact.
    pub(crate) fn git(&self) -> GitDir {
        let top = (self.kind != EntryKind::Bare).then(|| self.top.clone());
        GitDir { top, git_dir: self.git_dir.clone(), common_dir: self.common_dir.clone() }
    }

    /// Whether it is a linked work tree.
    pub(crate) fn is_linked(&self) -> bool {
        self.git_dir != self.common_dir
    }

    /// Whether it is a submodule's work tree.
    pub(crate) fn is_submodule(&self) -> bool {
        self.kind == EntryKind::File && in_folder(&self.git_dir, "modules")
    }

    /// Returns the pieces that its git directory lacks. A HEAD that names nothing is missing.
    pub(crate) fn missing_pieces(&self) -> Vec<&'static str> {
        let is_missing = |name: &&str| match *name {
            "HEAD" => !is_head(&self.git_dir.join(name)),
            name => !self.common_dir.join(name).is_dir(),
        };
        PIECES.into_iter().filter(is_missing).collect()
    }
}

/// Whether a path has a folder of that name in a `.git`.
pub(crate) fn in_folder(path: &Path, folder: &str) -> bool {
    let names: Vec<_> = path.iter().collect();
    names.windows(2).any(|pair| pair[0] == ".git" && pair[1] == folder)
}

/// Whether a HEAD is valid: a symbolic ref below `refs/`, or the name of an object (git, refs.c,
/// `validate_headref`).
fn is_head(path: &Path) -> bool {
    let Ok(target) = fs::read_link(path) else {
        let text = fs::read(path).unwrap_or_default();
        let name = text.strip_prefix(b"ref:").map(<[u8]>::trim_ascii);
        return match name {
            Some(name) => name.starts_with(b"refs/"),
            None => text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() >= 40,
        };
    };
    target.starts_with("refs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_dot_git_counts_whether_it_is_intact_or_not() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        assert_eq!(RepositoryEntry::find(&dir), None);
        fs::create_dir_all(dir.join("a/.git")).unwrap();
        fs::create_dir_all(dir.join("a/b/c")).unwrap();
        let entry = RepositoryEntry::find(&dir.join("a/b/c")).unwrap();
        assert_eq!((&entry.top, entry.kind), (&dir.join("a"), EntryKind::Directory));
        assert_eq!(entry.missing_pieces(), ["HEAD", "objects", "refs"]);
        fs::create_dir_all(dir.join("a/.git/objects")).unwrap();
        fs::create_dir_all(dir.join("a/.git/refs")).unwrap();
        fs::write(dir.join("a/.git/HEAD"), "\0\0\0").unwrap();
        assert_eq!(entry.missing_pieces(), ["HEAD"]);
        for head in ["ref: refs/heads/main\n", "0123456789012345678901234567890123456789\n"] {
            fs::write(dir.join("a/.git/HEAD"), head).unwrap();
            assert!(entry.missing_pieces().is_empty(), "{head}");
        }
        let bare = RepositoryEntry::find(&dir.join("a/.git/objects")).unwrap();
        assert_eq!((bare.top, bare.kind), (dir.join("a/.git"), EntryKind::Bare));
    }

    #[test]
    fn a_file_leads_to_a_git_directory_that_may_be_missing() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        fs::write(dir.join(".git"), "gitdir: /no/such/.git/modules/a\n").unwrap();
        let entry = RepositoryEntry::find(&dir).unwrap();
        assert_eq!(entry.kind, EntryKind::File);
        assert_eq!(entry.git_dir, Path::new("/no/such/.git/modules/a"));
        assert!(entry.is_submodule() && !entry.is_linked());
    }
}
