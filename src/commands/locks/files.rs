use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use launch_probes::host::{GitDir, is_git_lock};

use crate::cli::LocksOptions;
use crate::config::find_policy;

/// What is examined.
pub(super) struct LockFiles {
    /// Files that are locked by a system call. Each must exist.
    pub(super) named: Vec<PathBuf>,
    /// Files of a repository that may be such locks; those that are neither locked nor named like a lock are left out.
    pub(super) candidates: Vec<PathBuf>,
    /// The repositories whose own lock files are examined.
    pub(super) repositories: Vec<GitDir>,
    /// The only ones of those that were asked for; all if it is empty.
    pub(super) git_locks: Vec<PathBuf>,
}

impl LockFiles {
    /// Finds what the command line and the policy name.
    ///
    /// # Errors
    /// When there is nothing to examine, or the policy has a mistake.
    pub(super) fn find(options: &LocksOptions) -> anyhow::Result<Self> {
        if !options.paths.is_empty() {
            return Ok(Self::of_paths(&options.paths));
        }
        let policy = find_policy(options.config.as_deref())?;
        let named = policy.lock;
        let repo = options.repo.as_ref().or(policy.repo.as_ref());
        let start = match repo {
            Some(repo) => fs::canonicalize(repo)
                .with_context(|| format!("cannot examine {}", repo.display()))?,
            None => std::env::current_dir().context("the working directory is missing")?,
        };
        let git = GitDir::find(&start);
        if let (None, Some(repo)) = (&git, repo) {
            bail!("{} is in no git repository", repo.display());
        }
        if git.is_none() && named.is_empty() {
            bail!(
                "name a lock file, or a repository with --repo: the working directory is in none"
            );
        }
        let candidates = git.iter().flat_map(|git| candidates(&git.common_dir)).collect();
        Ok(Self {
            named,
            candidates,
            repositories: git.into_iter().collect(),
            git_locks: Vec::new(),
        })
    }

    /// Distinguishes git's own lock files from those that are locked by a system call.
    fn of_paths(paths: &[PathBuf]) -> Self {
        let mut files = Self {
            named: Vec::new(),
            candidates: Vec::new(),
            repositories: Vec::new(),
            git_locks: Vec::new(),
        };
        let mut repositories = Repositories::default();
        for path in paths {
            match repositories.of_git_lock(path) {
                Some((git, lock)) => {
                    files.git_locks.push(lock);
                    if !files.repositories.contains(&git) {
                        files.repositories.push(git);
                    }
                }
                None => files.named.push(path.clone()),
            }
        }
        files
    }

    /// Whether one of a repository's lock files was asked for.
    pub(super) fn includes(&self, lock: &Path) -> bool {
        self.git_locks.is_empty() || self.git_locks.iter().any(|path| path == lock)
    }
}

/// The repositories that directories are in: each is looked for once.
#[derive(Default)]
struct Repositories(HashMap<PathBuf, Option<GitDir>>);

impl Repositories {
    /// Returns the repository of one of git's lock files that exists, and the file's path in it.
    fn of_git_lock(&mut self, path: &Path) -> Option<(GitDir, PathBuf)> {
        let path = fs::canonicalize(path).ok()?;
        let name = path.file_name()?.to_str()?;
        let dir = path.parent()?;
        let git = self.0.entry(dir.to_owned()).or_insert_with(|| GitDir::find(dir)).clone()?;
        let common = fs::canonicalize(&git.common_dir).ok()?;
        let inside = path.strip_prefix(&common).ok()?;
        let is_deep = name.ends_with(".lock") && inside.components().count() > 1;
        (is_deep || is_git_lock(name)).then_some((git, path))
    }
}

/// Returns the regular files at the top of a git directory that are not git's own locks.
fn candidates(common_dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(common_dir).into_iter().flatten().flatten();
    let is_file = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_file());
    let mut paths: Vec<PathBuf> = entries
        .filter(is_file)
        .filter(|entry| !entry.file_name().to_str().is_some_and(is_git_lock))
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

/// Whether a file of a repository is a lock by its name, such as `pull-lock`.
pub(super) fn is_named_like_a_lock(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.to_ascii_lowercase().contains("lock")
}
