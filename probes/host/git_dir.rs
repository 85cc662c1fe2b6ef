use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;

/// The most that is read of a file that names another directory, in bytes.
const GITFILE_LIMIT: u64 = 8192;

/// The git directories that a work tree belongs to.
///
/// They are found by reading files only. No git runs, so that no configuration of a foreign repository
/// takes effect and `GIT_DIR` in the environment does not matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitDir {
    /// The top of the work tree; `None` in a bare repository.
    pub top: Option<PathBuf>,
    /// The work tree's own directory, with its HEAD, index and rebase state
    /// (`git rev-parse --git-dir`).
    pub git_dir: PathBuf,
    /// The directory that all work trees of the repository share (`git rev-parse --git-common-dir`).
    pub common_dir: PathBuf,
}

impl GitDir {
    /// Searches `start` and its parent directories for a repository, as git does
    /// (gitrepository-layout(5)).
    pub fn find(start: &Path) -> Option<Self> {
        start.ancestors().find_map(|dir| {
            let entry = dir.join(".git");
            if is_git_dir(&entry) {
                return Some(Self::new(Some(dir), entry));
            }
            let git_dir = read_gitfile(&entry, b"gitdir: ").map(|target| dir.join(target));
            match git_dir.filter(|git_dir| is_git_dir(git_dir)) {
                Some(git_dir) => Some(Self::new(Some(dir), git_dir)),
                None => is_git_dir(dir).then(|| Self::new(None, dir.to_owned())),
            }
        })
    }

    fn new(top: Option<&Path>, git_dir: PathBuf) -> Self {
        let common_dir = read_gitfile(&git_dir.join("commondir"), b"")
            .and_then(|target| fs::canonicalize(git_dir.join(target)).ok())
            .unwrap_or_else(|| git_dir.clone());
        Self { top: top.map(Path::to_owned), git_dir, common_dir }
    }

    /// Whether `.git` in the work tree is a file, as in a linked work tree and in a submodule.
    pub fn is_linked(&self) -> bool {
        self.top.as_ref().is_some_and(|top| top.join(".git").is_file())
    }
}

/// Whether a directory is that of a repository or of a linked work tree (git, setup.c,
/// `is_git_directory`). The target of `commondir` must be a repository too, so that a foreign
/// repository cannot refer to an unrelated directory.
pub(crate) fn is_git_dir(dir: &Path) -> bool {
    let has_head = fs::symlink_metadata(dir.join("HEAD")).is_ok_and(|head| !head.is_dir());
    let common_dir = read_gitfile(&dir.join("commondir"), b"").map(|target| dir.join(target));
    let common_dir = common_dir.unwrap_or_else(|| dir.to_owned());
    has_head && common_dir.join("objects").is_dir() && common_dir.join("refs").is_dir()
}

/// Returns the path in a file such as `.git` (after `gitdir: `) or `commondir`.
pub(crate) fn read_gitfile(file: &Path, prefix: &[u8]) -> Option<PathBuf> {
    path_in(&read_regular(file).ok()?, prefix)
}

/// Returns the path after a prefix, unless it is empty or has a NUL.
pub(crate) fn path_in(bytes: &[u8], prefix: &[u8]) -> Option<PathBuf> {
    let path = bytes.strip_prefix(prefix)?.trim_ascii_end();
    (!path.is_empty() && !path.contains(&0)).then(|| OsString::from_vec(path.to_owned()).into())
}

/// Reads the beginning of a regular file; refuses pipes, which could block, and devices.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(GITFILE_LIMIT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository in `dir/main` with a linked work tree in `dir/linked`, as git creates them.
    fn create_layout(dir: &Path) {
        let git_dir = dir.join("main/.git/worktrees/linked");
        fs::create_dir_all(dir.join("main/.git/objects")).unwrap();
        fs::create_dir_all(dir.join("main/.git/refs")).unwrap();
        fs::create_dir_all(dir.join("main/deep/down")).unwrap();
        fs::create_dir_all(&git_dir).unwrap();
        fs::create_dir_all(dir.join("linked/sub")).unwrap();
        fs::write(dir.join("main/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(git_dir.join("HEAD"), "ref: refs/heads/other\n").unwrap();
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        fs::write(dir.join("linked/.git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
    }

    #[test]
    fn a_linked_work_tree_shares_the_common_directory_of_the_main_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        create_layout(&dir);
        let main = GitDir::find(&dir.join("main/deep/down")).unwrap();
        assert_eq!(main.top, Some(dir.join("main")));
        assert_eq!(
            (&main.git_dir, &main.common_dir),
            (&dir.join("main/.git"), &dir.join("main/.git"))
        );
        assert!(!main.is_linked());
        let linked = GitDir::find(&dir.join("linked/sub")).unwrap();
        assert_eq!(linked.git_dir, dir.join("main/.git/worktrees/linked"));
        assert_eq!(linked.common_dir, dir.join("main/.git"));
        assert!(linked.is_linked());
    }

    #[test]
    fn a_bare_repository_has_no_work_tree() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("objects")).unwrap();
        fs::create_dir(dir.path().join("refs")).unwrap();
        fs::write(dir.path().join("HEAD"), "ref: refs/heads/main\n").unwrap();
        let found = GitDir::find(&dir.path().join("objects")).unwrap();
        assert_eq!(found.top, None);
        assert_eq!(found.common_dir, dir.path());
    }

    #[test]
    fn a_commondir_that_names_no_repository_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        create_layout(dir.path());
        fs::create_dir(dir.path().join("private")).unwrap();
        let git_dir = dir.path().join("main/.git/worktrees/linked");
        assert!(GitDir::find(&dir.path().join("linked")).is_some());
        fs::write(git_dir.join("commondir"), dir.path().join("private").to_str().unwrap()).unwrap();
        assert_eq!(GitDir::find(&dir.path().join("linked")), None);
    }

    #[test]
    fn an_incomplete_repository_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let entry = dir.path().join(".git");
        assert_eq!(GitDir::find(dir.path()), None);
        fs::write(&entry, "gitdir: /no/such\n").unwrap();
        assert_eq!(GitDir::find(dir.path()), None);
        fs::remove_file(&entry).unwrap();
        // A pipe without a writer would block a reader forever.
        nix::unistd::mkfifo(&entry, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(GitDir::find(dir.path()), None);
    }
}
