use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc;

/// The most that is read of a file that names another directory, in bytes.
const LONGEST_POINTER: u64 = 8192;

/// The git directories that a work tree belongs to.
///
/// They are found by reading files alone. No git runs, so that nothing in the configuration of a
/// foreign repository is obeyed, and GIT_DIR in the environment does not mislead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitDir {
    /// The top of the work tree; `None` in a bare repository.
    pub top: Option<PathBuf>,
    /// What is the work tree's alone: its HEAD, index and rebase state.
    pub own: PathBuf,
    /// What all work trees of the repository share (`git rev-parse --git-common-dir`).
    pub common: PathBuf,
}

impl GitDir {
    /// Looks for the repository that `start` lies in, upwards as git does (gitrepository-layout(5)).
    pub fn find(start: &Path) -> Option<Self> {
        start.ancestors().find_map(|dir| {
            let entry = dir.join(".git");
            if is_git_dir(&entry) {
                return Some(Self::of(Some(dir), entry));
            }
            let own = pointer(&entry, b"gitdir: ").map(|target| dir.join(target));
            match own.filter(|own| is_git_dir(own)) {
                Some(own) => Some(Self::of(Some(dir), own)),
                None => is_git_dir(dir).then(|| Self::of(None, dir.to_owned())),
            }
        })
    }

    fn of(top: Option<&Path>, own: PathBuf) -> Self {
        let common = pointer(&own.join("commondir"), b"").map(|target| own.join(target));
        let common = common.and_then(|common| fs::canonicalize(common).ok());
        Self { top: top.map(Path::to_owned), common: common.unwrap_or_else(|| own.clone()), own }
    }

    /// Whether `.git` in the work tree is a file: in a linked work tree and in a submodule.
    pub fn is_linked(&self) -> bool {
        self.top.as_ref().is_some_and(|top| top.join(".git").is_file())
    }
}

/// Whether a directory is a repository's, or a linked work tree's part of one (git's setup.c,
/// `is_git_directory`). Where `commondir` leads has to be a repository's too: a foreign repository
/// must not lead to directories that only happen to be there.
fn is_git_dir(dir: &Path) -> bool {
    let has_head = fs::symlink_metadata(dir.join("HEAD")).is_ok_and(|head| !head.is_dir());
    let common = pointer(&dir.join("commondir"), b"").map(|target| dir.join(target));
    let common = common.unwrap_or_else(|| dir.to_owned());
    has_head && common.join("objects").is_dir() && common.join("refs").is_dir()
}

/// The path that a file such as `.git` (behind `gitdir: `) or `commondir` holds.
fn pointer(file: &Path, prefix: &[u8]) -> Option<PathBuf> {
    path_in(&read_regular(file).ok()?, prefix)
}

/// The path behind a prefix; none where it is empty, or could not be one.
pub(crate) fn path_in(bytes: &[u8], prefix: &[u8]) -> Option<PathBuf> {
    let path = bytes.strip_prefix(prefix)?.trim_ascii_end();
    (!path.is_empty() && !path.contains(&0)).then(|| OsString::from_vec(path.to_owned()).into())
}

/// Reads the beginning of a file, but neither waits for a pipe nor reads a device.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let file =
        OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST_POINTER).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository in `dir/main` with a linked work tree in `dir/linked`, as git lays them out.
    fn lay_out(dir: &Path) {
        let own = dir.join("main/.git/worktrees/linked");
        fs::create_dir_all(dir.join("main/.git/objects")).unwrap();
        fs::create_dir_all(dir.join("main/.git/refs")).unwrap();
        fs::create_dir_all(dir.join("main/deep/down")).unwrap();
        fs::create_dir_all(&own).unwrap();
        fs::create_dir_all(dir.join("linked/sub")).unwrap();
        fs::write(dir.join("main/.git/HEAD"), "ref: refs/heads/main\n").unwrap();
        fs::write(own.join("HEAD"), "ref: refs/heads/other\n").unwrap();
        fs::write(own.join("commondir"), "../..\n").unwrap();
        fs::write(dir.join("linked/.git"), format!("gitdir: {}\n", own.display())).unwrap();
    }

    #[test]
    fn a_linked_work_tree_shares_the_directory_of_the_main_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        lay_out(&dir);
        let main = GitDir::find(&dir.join("main/deep/down")).unwrap();
        assert_eq!(main.top, Some(dir.join("main")));
        assert_eq!((&main.own, &main.common), (&dir.join("main/.git"), &dir.join("main/.git")));
        assert!(!main.is_linked());
        let linked = GitDir::find(&dir.join("linked/sub")).unwrap();
        assert_eq!(linked.own, dir.join("main/.git/worktrees/linked"));
        assert_eq!(linked.common, dir.join("main/.git"));
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
        assert_eq!(found.common, dir.path());
    }

    #[test]
    fn a_common_directory_that_is_no_repository_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        lay_out(dir.path());
        fs::create_dir(dir.path().join("private")).unwrap();
        let own = dir.path().join("main/.git/worktrees/linked");
        assert!(GitDir::find(&dir.path().join("linked")).is_some());
        fs::write(own.join("commondir"), dir.path().join("private").to_str().unwrap()).unwrap();
        assert_eq!(GitDir::find(&dir.path().join("linked")), None);
    }

    #[test]
    fn what_only_looks_like_a_repository_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let entry = dir.path().join(".git");
        assert_eq!(GitDir::find(dir.path()), None);
        fs::write(&entry, "gitdir: /no/such\n").unwrap();
        assert_eq!(GitDir::find(dir.path()), None);
        fs::remove_file(&entry).unwrap();
        // A pipe that nobody writes to would hold up a reader for ever.
        nix::unistd::mkfifo(&entry, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(GitDir::find(dir.path()), None);
    }
}
