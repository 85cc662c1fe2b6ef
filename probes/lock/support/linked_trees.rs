use std::fs;
use std::path::{Path, PathBuf};

use crate::host::git_dir::{path_in, read_gitfile};

/// The most linked work trees, and entries of a directory, that are examined.
const MAX_ENTRIES: usize = 2000;

/// A linked work tree, as the directory `worktrees/NAME` of its repository describes it
/// (gitrepository-layout(5)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkedTree {
    /// Where the repository expects it.
    pub(crate) top: PathBuf,
    /// What its HEAD names: `refs/heads/NAME`, or the name of a commit.
    pub(crate) head: String,
    /// Why it is locked, in the words of who locked it; `None` if it is not.
    pub(crate) locked: Option<String>,
    pub(crate) state: TreeState,
}

/// Whether a linked work tree is where its repository expects it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TreeState {
    Present,
    /// It is in this directory instead.
    Moved(PathBuf),
    Missing,
}

impl LinkedTree {
    /// Returns the linked work trees of a repository, sorted by name.
    pub(crate) fn all(common_dir: &Path) -> Vec<Self> {
        let entries = fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten();
        let mut dirs: Vec<PathBuf> = entries.map(|entry| entry.path()).take(MAX_ENTRIES).collect();
        dirs.sort();
        dirs.iter().filter_map(|dir| Self::read(dir)).collect()
    }

    /// Reads a directory `worktrees/NAME`; `None` if it does not say where the work tree is.
    pub(crate) fn read(admin_dir: &Path) -> Option<Self> {
        let gitfile = admin_dir.join(read_gitfile(&admin_dir.join("gitdir"), b"")?);
        let top = gitfile.parent()?.to_owned();
        let locked = fs::read(admin_dir.join("locked")).ok();
        let locked = locked.map(|reason| String::from_utf8_lossy(&reason).trim().to_owned());
        let head = fs::read_to_string(admin_dir.join("HEAD")).unwrap_or_default();
        let head = head.strip_prefix("ref: ").unwrap_or(&head).trim().to_owned();
        let state = match fs::symlink_metadata(&gitfile) {
            Err(error) if is_absent(&error) => {
                moved_to(admin_dir, &top).map_or(TreeState::Missing, TreeState::Moved)
            }
            // One that cannot be examined may be there.
            _ => TreeState::Present,
        };
        Some(Self { top, head, locked, state })
    }

    /// Returns the branch that it keeps from being checked out elsewhere; `None` if its HEAD is detached.
    pub(crate) fn branch(&self) -> Option<&str> {
        self.head.strip_prefix("refs/heads/")
    }
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Searches the directories beside the old place, and beside the repository, for a work tree that leads to `admin_dir`.
fn moved_to(admin_dir: &Path, top: &Path) -> Option<PathBuf> {
    let repository = admin_dir.ancestors().nth(3)?;
    let old = [top.parent(), top.parent().and_then(Path::parent)];
    let places = old.into_iter().chain([Some(repository), repository.parent()]).flatten();
    places.filter(|place| place.parent().is_some()).find_map(|place| {
        let entries = fs::read_dir(place).into_iter().flatten().flatten().take(MAX_ENTRIES);
        entries.map(|entry| entry.path()).find(|dir| leads_to(dir, admin_dir))
    })
}

/// Whether the `.git` of a directory leads to `admin_dir`.
fn leads_to(dir: &Path, admin_dir: &Path) -> bool {
    let target = read_gitfile(&dir.join(".git"), b"gitdir: ").map(|target| dir.join(target));
    let target = target.and_then(|target| fs::canonicalize(target).ok());
    target.is_some_and(|target| fs::canonicalize(admin_dir).is_ok_and(|admin| admin == target))
}

/// Returns the object directories that a repository borrows from and that do not exist, each with its line in
/// `objects/info/alternates` (gitrepository-layout(5)).
pub(crate) fn missing_alternates(common_dir: &Path) -> Vec<(usize, PathBuf)> {
    let objects = common_dir.join("objects");
    let text = fs::read(objects.join("info/alternates")).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    lines
        .filter(|(_, line)| !line.starts_with(b"#"))
        .filter_map(|(index, line)| Some((index + 1, objects.join(path_in(line, b"")?))))
        .filter(|(_, path)| !path.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linked_tree_is_present_moved_or_missing() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let admin = dir.join("main/.git/worktrees/a");
        fs::create_dir_all(&admin).unwrap();
        fs::create_dir_all(dir.join("a")).unwrap();
        fs::write(dir.join("a/.git"), format!("gitdir: {}\n", admin.display())).unwrap();
        fs::write(admin.join("gitdir"), format!("{}\n", dir.join("a/.git").display())).unwrap();
        fs::write(admin.join("HEAD"), "ref: refs/heads/topic\n").unwrap();
        let read = || LinkedTree::all(&dir.join("main/.git")).pop().unwrap();
        assert_eq!((read().state, read().locked), (TreeState::Present, None));
        assert_eq!(read().branch(), Some("topic"));
        fs::rename(dir.join("a"), dir.join("b")).unwrap();
        assert_eq!(read().state, TreeState::Moved(dir.join("b")));
        fs::remove_file(dir.join("b/.git")).unwrap();
        fs::write(admin.join("locked"), "agent 7\n").unwrap();
        fs::write(admin.join("HEAD"), "0123\n").unwrap();
        let tree = read();
        assert_eq!((tree.state.clone(), tree.branch()), (TreeState::Missing, None));
        assert_eq!(tree.locked.as_deref(), Some("agent 7"));
        assert_eq!(LinkedTree::all(&dir.join("no/such")), []);
    }

    #[test]
    fn only_alternates_that_do_not_exist_are_missing() {
        let dir = tempfile::tempdir().unwrap();
        let info = dir.path().join("objects/info");
        fs::create_dir_all(&info).unwrap();
        assert_eq!(missing_alternates(dir.path()), []);
        fs::write(info.join("alternates"), "# /no\ninfo\n/no/such\n\n").unwrap();
        assert_eq!(missing_alternates(dir.path()), [(3, PathBuf::from("/no/such"))]);
    }
}
