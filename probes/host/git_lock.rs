use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::git_dir::is_git_dir;
use super::git_process::{GitProcess, sees_foreign_processes};
use super::{Descriptor, GitDir, User, file_system, processes};

/// The depth of nested branch names, and the number of directory entries, after which the search for
/// locks ends.
const MAX_DEPTH: usize = 12;
const MAX_ENTRIES: usize = 20_000;
/// The files with names in lower case that git locks at the top of a git directory. Those in upper case are refs
/// such as `ORIG_HEAD`.
const LOCKED_FILES: [&str; 6] =
    ["config", "config.worktree", "gc.pid", "index", "packed-refs", "shallow"];
/// The other files that git locks, below a git directory.
const DEEP_LOCKS: [&str; 9] = [
    "info/sparse-checkout.lock",
    "objects/info/alternates.lock",
    "objects/info/commit-graph.lock",
    "objects/info/commit-graphs/commit-graph-chain.lock",
    "objects/maintenance.lock",
    "objects/pack/multi-pack-index.lock",
    "sequencer/head.lock",
    "sequencer/opts.lock",
    "sequencer/todo.lock",
];
/// The directories that contain locks of refs: in the format `files` refs and, while a reflog expires, logs
/// (git, refs/files-backend.c, `files_reflog_expire`), and reftable.
const REF_DIRS: [&str; 3] = ["refs", "logs", "reftable"];
/// How much later than the lock a process may seem to have started that created it: file systems store the time of
/// the last tick, and the time of a start is exact to a tick.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(200);
/// A younger lock may belong to a git that is not visible from here, for example in a container.
const RECENT: Duration = Duration::from_mins(1);
/// File systems that processes of other hosts can use as well.
const SHARED_FILE_SYSTEMS: [&str; 5] = ["nfs", "cifs", "smb2", "9p", "fuse"];

/// One of git's own lock files: `NAME.lock`, which git creates beside the file that it is going to replace
/// (git, lockfile.h).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitLock {
    pub path: PathBuf,
    /// The device and the inode, as stat(2) gives them.
    pub identity: (u64, u64),
    /// The owner's id: the user as whom the git that created it ran.
    pub uid: u32,
    /// When it was last written to. git writes it once, soon after it created it.
    pub modified: SystemTime,
}

/// Whether a lock file still has an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitLockState {
    /// These processes have it open or can have created it, in ascending order.
    Live(Vec<u32>),
    /// Every process that can have created it has exited, so it stays until it is removed.
    Stale,
    /// No process here can have created it, and it is less than a minute old.
    Recent,
    /// Its owner would not be visible from here: the text says why.
    NotVisible(&'static str),
}

impl GitLock {
    fn read(path: PathBuf) -> Option<Self> {
        let metadata = fs::symlink_metadata(&path).ok()?;
        Some(Self {
            path,
            identity: (metadata.dev(), metadata.ino()),
            uid: metadata.uid(),
            modified: metadata.modified().ok()?,
        })
    }

    /// Returns the time since it was last written to; zero if that is in the future.
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.modified).unwrap_or_default()
    }

    /// Whether it still exists and was not replaced.
    pub fn still_exists(&self) -> bool {
        Self::read(self.path.clone()).is_some_and(|now| now == *self)
    }

    /// Reports whether a git can have created it: it runs as the lock's owner, was started before the lock was
    /// written, may work on the repository, and not every use of its command leaves locks alone. What else runs,
    /// such as an idle `git cat-file --batch`, says nothing about the lock.
    fn can_be_of(&self, git: &GitProcess) -> bool {
        git.uid == self.uid
            && git.may_lock()
            && git.may_write(&self.path)
            && (git.started <= self.modified + CLOCK_TOLERANCE || self.survives_fork(git))
    }

    /// Maintenance goes on in a fork, which is younger than its lock (git, builtin/gc.c, `maintenance_run_tasks`).
    fn survives_fork(&self, git: &GitProcess) -> bool {
        let is_maintenance = self.path.file_name().is_some_and(|name| name == "maintenance.lock");
        is_maintenance && git.command.as_deref().is_none_or(|it| matches!(it, "maintenance" | "gc"))
    }
}

/// Returns git's lock files in a repository, all its linked work trees and its submodules, sorted by path. It opens
/// none of them.
pub fn git_locks(git: &GitDir) -> Vec<GitLock> {
    let common = fs::canonicalize(&git.common_dir).unwrap_or_else(|_| git.common_dir.clone());
    let mut search = Search { budget: MAX_ENTRIES, found: BTreeSet::new() };
    search.add_repository(&common, MAX_DEPTH);
    search.found.into_iter().filter_map(GitLock::read).collect()
}

/// The search for lock files.
struct Search {
    /// How many more directory entries are read.
    budget: usize,
    found: BTreeSet<PathBuf>,
}

impl Search {
    /// Adds the locks of a repository, of its linked work trees and of its submodules.
    fn add_repository(&mut self, common_dir: &Path, depth: usize) {
        self.add_git_dir(common_dir);
        for tree in fs::read_dir(common_dir.join("worktrees")).into_iter().flatten().flatten() {
            self.add_git_dir(&tree.path());
        }
        self.add_submodules(&common_dir.join("modules"), depth);
    }

    /// Adds those of the repositories below `modules`. A submodule's name may have slashes (git-submodule(1), `add`).
    fn add_submodules(&mut self, dir: &Path, depth: usize) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if self.budget == 0 || depth == 0 {
                return;
            }
            self.budget -= 1;
            if is_git_dir(&entry.path()) {
                self.add_repository(&entry.path(), depth - 1);
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.add_submodules(&entry.path(), depth - 1);
            }
        }
    }

    /// Adds the locks of a repository's directory or of a linked work tree's.
    fn add_git_dir(&mut self, dir: &Path) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(is_git_lock) {
                self.found.insert(entry.path());
            }
        }
        self.found.extend(DEEP_LOCKS.map(|name| dir.join(name)));
        for name in REF_DIRS {
            self.add_locks_below(&dir.join(name), MAX_DEPTH);
        }
    }

    fn add_locks_below(&mut self, dir: &Path, depth: usize) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if self.budget == 0 {
                return;
            }
            self.budget -= 1;
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_dir && depth > 0 {
                self.add_locks_below(&entry.path(), depth - 1);
            } else if entry.file_name().to_str().is_some_and(is_lock_of_ref) {
                self.found.insert(entry.path());
            }
        }
    }
}

/// With `core.lockfilePid` git writes who holds `NAME.lock` to `NAME~pid.lock`, which locks nothing (git 2.55). No
/// ref has `~` in its name (git-check-ref-format(1)).
fn is_lock_of_ref(name: &str) -> bool {
    name.ends_with(".lock") && !name.ends_with("~pid.lock")
}

/// Whether a name at the top of a git directory is that of git's own lock file. Others, such as `agents.lock`, are
/// the agents'.
pub fn is_git_lock(name: &str) -> bool {
    name.strip_suffix(".lock").is_some_and(|file| {
        let is_ref = file.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        // The index of a commit of some files (git, builtin/commit.c, `prepare_index`).
        let is_next_index = file.starts_with("next-index-");
        LOCKED_FILES.contains(&file) || is_next_index || !file.is_empty() && is_ref
    })
}

/// Returns git's lock files in a repository and all its linked work trees, each with its state. A lock that was
/// removed meanwhile is left out: it had an owner.
pub fn git_lock_states(git: &GitDir) -> Vec<(GitLock, GitLockState)> {
    let locks = git_locks(git);
    if locks.is_empty() {
        return Vec::new();
    }
    let gits = GitProcess::all();
    let openers = openers_of(&locks);
    let own_uid = User::current().uid;
    let sees_all = own_uid == 0 || sees_foreign_processes();
    let states: Vec<(GitLock, GitLockState)> = locks
        .into_iter()
        .zip(openers)
        .map(|(lock, openers)| {
            let may_hide = !sees_all && lock.uid != own_uid;
            let state = state_of(&lock, &gits, openers, may_hide);
            (lock, state)
        })
        .collect();
    states.into_iter().filter(|(lock, _)| lock.still_exists()).collect()
}

fn state_of(
    lock: &GitLock,
    gits: &[GitProcess],
    openers: BTreeSet<u32>,
    may_hide: bool,
) -> GitLockState {
    let creators = gits.iter().filter(|git| lock.can_be_of(git)).map(|git| git.pid);
    // Only its creator has it open for longer than a moment, so it is the owner, whatever else could be.
    let owners = if openers.is_empty() { creators.collect::<BTreeSet<u32>>() } else { openers };
    if !owners.is_empty() {
        return GitLockState::Live(owners.into_iter().collect());
    }
    let is_shared =
        file_system(&lock.path).is_ok_and(|name| SHARED_FILE_SYSTEMS.contains(&name.as_str()));
    if is_shared {
        GitLockState::NotVisible("other hosts can use its file system")
    } else if may_hide {
        GitLockState::NotVisible("it belongs to another user, whose processes are hidden from you")
    } else if lock.age() < RECENT {
        GitLockState::Recent
    } else {
        GitLockState::Stale
    }
}

/// Returns for each lock the processes that have it open. Those of other users are seen by root alone.
fn openers_of(locks: &[GitLock]) -> Vec<BTreeSet<u32>> {
    let mut openers = vec![BTreeSet::new(); locks.len()];
    for pid in processes() {
        for descriptor in Descriptor::of_pid(pid).unwrap_or_default() {
            let found = locks.iter().position(|lock| lock.identity == descriptor.identity);
            if let Some(index) = found {
                openers[index].insert(pid);
            }
        }
    }
    openers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::git_process::GitPlace;

    fn create_repository(dir: &Path) -> GitDir {
        create_git_dir(&dir.join(".git"));
        GitDir::find(dir).unwrap()
    }

    fn create_git_dir(dir: &Path) {
        fs::create_dir_all(dir.join("objects")).unwrap();
        fs::create_dir_all(dir.join("refs/heads/topic")).unwrap();
        fs::write(dir.join("HEAD"), "ref: refs/heads/main\n").unwrap();
    }

    #[test]
    fn the_locks_of_every_storage_and_work_tree_are_found_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let dir = fs::canonicalize(dir.path()).unwrap();
        let git = create_repository(&dir);
        assert_eq!(git_locks(&git), []);
        for module in ["lib/a", "lib/a/modules/b"] {
            create_git_dir(&git.git_dir.join("modules").join(module));
        }
        let expected = [
            "HEAD.lock",
            "config.lock",
            "index.lock",
            "logs/refs/heads/main.lock",
            "modules/lib/a/index.lock",
            "modules/lib/a/modules/b/refs/heads/main.lock",
            "next-index-42.lock",
            "objects/maintenance.lock",
            "packed-refs.lock",
            "refs/heads/topic/a.lock",
            "reftable/tables.list.lock",
            "worktrees/b/AUTO_MERGE.lock",
            "worktrees/b/index.lock",
            "worktrees/b/refs/bisect/bad.lock",
        ];
        let others = [
            "agents.lock",
            "pull-lock",
            ".lock",
            "worktrees/b/locked",
            "hooks/x.lock",
            "index~pid.lock",
            "refs/heads/a~pid.lock",
        ];
        for name in expected.iter().chain(&others) {
            let path = git.git_dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let found = git_locks(&git);
        let names: Vec<_> = found
            .iter()
            .map(|lock| lock.path.strip_prefix(&git.git_dir).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, expected);
        fs::remove_file(&found[0].path).unwrap();
        assert!(!found[0].still_exists() && found[1].still_exists());
    }

    fn lock(name: &str, seconds_ago: u64) -> GitLock {
        let modified = SystemTime::now() - Duration::from_secs(seconds_ago);
        GitLock { path: format!("/r/.git/{name}").into(), identity: (1, 1), uid: 7, modified }
    }

    fn git(command: &str, seconds_ago: u64) -> GitProcess {
        GitProcess {
            pid: 42,
            uid: 7,
            command: Some(command.to_owned()),
            started: SystemTime::now() - Duration::from_secs(seconds_ago),
            place: GitPlace::Repository("/r/.git".into()),
        }
    }

    fn state(lock: &GitLock, gits: &[GitProcess]) -> GitLockState {
        state_of(lock, gits, BTreeSet::new(), false)
    }

    #[test]
    fn a_lock_older_than_every_git_that_could_own_it_is_stale() {
        let old = lock("index.lock", 3600);
        assert_eq!(state(&old, &[]), GitLockState::Stale);
        assert_eq!(state(&old, &[git("commit", 3700)]), GitLockState::Live(vec![42]));
        assert_eq!(state(&old, &[git("commit", 3500)]), GitLockState::Stale);
        assert_eq!(state(&lock("index.lock", 3), &[]), GitLockState::Recent);
    }

    #[test]
    fn a_git_that_cannot_have_created_the_lock_does_not_hide_it() {
        let old = lock("index.lock", 3600);
        let batch = git("cat-file", 7200);
        let of_another_user = GitProcess { uid: 8, ..git("commit", 7200) };
        let elsewhere =
            GitProcess { place: GitPlace::Repository("/s/.git".into()), ..git("commit", 7200) };
        assert_eq!(state(&old, &[batch, of_another_user, elsewhere]), GitLockState::Stale);
        let anywhere = GitProcess { place: GitPlace::Unknown, ..git("commit", 7200) };
        assert_eq!(state(&old, &[anywhere]), GitLockState::Live(vec![42]));
    }

    #[test]
    fn a_lock_of_a_submodule_can_be_of_a_git_in_it_or_in_the_repository_around_it() {
        let old = lock("modules/lib/index.lock", 3600);
        let of = |dir: &str| GitProcess {
            place: GitPlace::Repository(dir.into()),
            ..git("commit", 3700)
        };
        for dir in ["/r/.git", "/r/.git/modules/lib"] {
            assert_eq!(state(&old, &[of(dir)]), GitLockState::Live(vec![42]), "{dir}");
        }
        assert_eq!(state(&old, &[of("/r/.git/modules/other")]), GitLockState::Stale);
        let around = lock("index.lock", 3600);
        assert_eq!(state(&around, &[of("/r/.git/modules/lib")]), GitLockState::Stale);
    }

    #[test]
    fn maintenance_may_be_younger_than_its_lock() {
        let old = lock("objects/maintenance.lock", 3600);
        assert_eq!(state(&old, &[git("maintenance", 3500)]), GitLockState::Live(vec![42]));
        assert_eq!(state(&old, &[git("commit", 3500)]), GitLockState::Stale);
    }

    #[test]
    fn a_process_that_has_it_open_is_the_owner_and_hidden_processes_leave_it_open() {
        let old = lock("index.lock", 3600);
        let opened = state_of(&old, &[git("commit", 7200)], BTreeSet::from([9]), false);
        assert_eq!(opened, GitLockState::Live(vec![9]));
        let hidden = state_of(&old, &[], BTreeSet::new(), true);
        assert!(matches!(hidden, GitLockState::NotVisible(_)));
    }
}
