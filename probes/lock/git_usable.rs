//! Whether git works in the repository of `--repo`: git itself is asked, and only reads.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::support::git_head::{Head, HeadQuery};
use super::support::git_query::GitQuery;
use super::support::git_state::operation_in_progress;
use super::support::linked_trees::{LinkedTree, TreeState, missing_alternates};
use super::support::repository_entry::RepositoryEntry;
use super::support::repository_state::RepositoryState;
use super::support::write_access::{DeniedPiece, WriteAccess};
use crate::fact_values;
use crate::host::User;
use crate::sandbox::{Fact, FactDecl, FactValues, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether the objects of HEAD are there.
    enum Objects {
        Present = "present",
        AlternateUnused = "alternate-unused",
        AlternateMissing = "alternate-missing",
        Missing = "missing",
        MissingForGood = "missing-for-good",
    }
}

fact_values! {
    /// The state of the index.
    enum Index {
        Merged = "merged",
        InOperation = "in-operation",
        Unmerged = "unmerged",
        Corrupt = "corrupt",
    }
}

fact_values! {
    /// Whether all linked work trees are there.
    enum LinkedTrees {
        Present = "present",
        Moved = "moved",
        Missing = "missing",
        LockedMissing = "locked-missing",
    }
}

fact_values! {
    /// Whether the work trees of submodules lead to their repositories.
    enum Submodules {
        Linked = "linked",
        Broken = "broken",
    }
}

const REPOSITORY: Fact<RepositoryState> = Fact::new("repository");
const WRITE: Fact<WriteAccess> = Fact::new("write");
const OBJECTS: Fact<Objects> = Fact::new("objects");
const HEAD: Fact<Head> = Fact::new("head");
const INDEX: Fact<Index> = Fact::new("index");
const LINKED_TREES: Fact<LinkedTrees> = Fact::new("linked-trees");
const SUBMODULES: Fact<Submodules> = Fact::new("submodules");
pub(crate) const FACTS: &[FactDecl] = &[
    REPOSITORY.decl(),
    WRITE.decl(),
    OBJECTS.decl(),
    HEAD.decl(),
    INDEX.decl(),
    LINKED_TREES.decl(),
    SUBMODULES.decl(),
];

/// The bytes that are kept of an answer that lists files.
const LISTING_LIMIT: usize = 4 << 20;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let entry = find_repository(context)?;
    let git = GitQuery::new(context, &entry.top);
    let mut measurement = Measurement::default();
    describe_places(&mut measurement, &entry);
    let (repository, run) = RepositoryState::query(&git, &entry, &mut measurement)?;
    measurement.set_from(REPOSITORY, repository, &run);

    let usable = Usable { git: &git, entry: &entry, operation: has_operation(&entry) };
    let mut denied = DeniedPiece::find_in_repository(&entry);
    if run.success() && repository.is_readable() {
        let commit = usable.record_head(&mut measurement)?;
        let is_complete = usable.record_objects(commit.as_deref(), &mut measurement)?;
        usable.record_index(&mut measurement)?;
        usable.record_linked_trees(&mut measurement)?;
        usable.record_submodules(&mut measurement)?;
        if denied.is_none() && is_complete && entry.git().top.is_some() {
            let dirs = usable.tracked_dirs()?;
            denied = DeniedPiece::find_in_dirs(dirs.iter().map(PathBuf::as_path));
        }
    }
    record_remote(&git, &entry, &mut measurement)?;
    record_write(context, &entry, denied, &mut measurement)?;
    Ok(measurement)
}

/// Returns the repository that `--repo` is in; without it, the one of the working directory.
fn find_repository(context: &ProbeContext) -> Result<RepositoryEntry, NotMeasured> {
    if let Some(repo) = &context.settings.repo {
        return RepositoryEntry::find(repo).ok_or_else(|| {
            NotMeasured::Skipped(format!("{} is not in a git repository", repo.display()))
        });
    }
    let here = env::current_dir()?;
    RepositoryEntry::find(&here).ok_or_else(|| {
        let here = here.display();
        NotMeasured::Skipped(format!("{here} is in no git repository, and --repo names none"))
    })
}

fn has_operation(entry: &RepositoryEntry) -> bool {
    operation_in_progress(&entry.git()).is_some()
}

fn describe_places(measurement: &mut Measurement, entry: &RepositoryEntry) {
    let config = entry.common_dir.join("config");
    for (name, path) in [
        ("top", &entry.top),
        ("git-dir", &entry.git_dir),
        ("common-dir", &entry.common_dir),
        ("config", &config),
    ] {
        measurement.detail(name, path.to_string_lossy());
    }
}

/// Adds the address from which lost objects can be fetched. The configuration of a repository that git refuses can
/// still be read as a file.
fn record_remote(
    git: &GitQuery,
    entry: &RepositoryEntry,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let config = entry.common_dir.join("config").to_string_lossy().into_owned();
    let get = ["config", "--file", &config, "--get", "remote.origin.url"];
    if let Some(url) = git.outside().line(&get)? {
        measurement.detail("remote", url);
    } else if measurement.facts.get(OBJECTS.name()).is_some_and(|value| is_lost(value)) {
        measurement.set(OBJECTS, Objects::MissingForGood);
    } else if measurement.facts[REPOSITORY.name()] == "objects-missing" {
        measurement.set(REPOSITORY, RepositoryState::Incomplete);
    }
    Ok(())
}

fn is_lost(objects: &str) -> bool {
    [Objects::AlternateMissing, Objects::Missing].iter().any(|lost| lost.as_str() == objects)
}

fn record_write(
    context: &ProbeContext,
    entry: &RepositoryEntry,
    denied: Option<DeniedPiece>,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let user = User::current();
    measurement.detail("user", user.name);
    let Some(piece) = denied else {
        measurement.set(WRITE, WriteAccess::Writable);
        return Ok(());
    };
    let place = if piece.path.starts_with(&entry.common_dir) {
        &entry.common_dir
    } else if piece.path.starts_with(&entry.git_dir) {
        &entry.git_dir
    } else {
        &entry.top
    };
    let shown = context.command("ls").args(["-ld", "--"]).arg(&piece.path).run()?;
    measurement.set_from(WRITE, piece.reason(user.uid), &shown);
    measurement.detail("denied", piece.path.to_string_lossy());
    measurement.detail("denied-place", place.to_string_lossy());
    measurement.detail("owner", owner_name(piece.uid));
    Ok(())
}

fn owner_name(uid: u32) -> String {
    let account = nix::unistd::User::from_uid(uid.into()).ok().flatten();
    account.map_or_else(|| uid.to_string(), |account| account.name)
}

/// A repository that git reads.
struct Usable<'a> {
    git: &'a GitQuery<'a>,
    entry: &'a RepositoryEntry,
    /// Whether a rebase, merge or the like is unfinished.
    operation: bool,
}

impl Usable<'_> {
    /// Records what HEAD names. Returns the name of its commit.
    fn record_head(&self, measurement: &mut Measurement) -> Result<Option<String>, NotMeasured> {
        let query = HeadQuery { git: self.git, entry: self.entry, operation: self.operation };
        let (head, commit, run) = query.run(measurement)?;
        measurement.set_from(HEAD, head, &run);
        Ok(commit)
    }

    /// Records whether the objects of HEAD are there; returns it, too.
    fn record_objects(
        &self,
        commit: Option<&str>,
        measurement: &mut Measurement,
    ) -> Result<bool, NotMeasured> {
        let alternates = missing_alternates(&self.entry.common_dir);
        let Some(commit) = commit else { return Ok(false) };
        let run = self.git.run(["cat-file", "-e", &format!("{commit}^{{tree}}")])?;
        let objects = if let Some((line, path)) = alternates.first() {
            measurement.detail("alternate", path.to_string_lossy());
            measurement.detail("comment-out", format!("{line}s/^/# /"));
            if run.success() { Objects::AlternateUnused } else { Objects::AlternateMissing }
        } else if run.success() {
            Objects::Present
        } else {
            Objects::Missing
        };
        measurement.set_from(OBJECTS, objects, &run);
        Ok(run.success())
    }

    fn record_index(&self, measurement: &mut Measurement) -> Result<(), NotMeasured> {
        let run = self.git.run(["ls-files", "--unmerged", "-z"])?;
        let entries = run.stdout.split(|byte| *byte == 0);
        let paths = entries.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\t').nth(1));
        let mut paths: Vec<String> =
            paths.map(|path| String::from_utf8_lossy(path).into_owned()).collect();
        paths.dedup();
        let index = match (run.success(), paths.is_empty()) {
            (false, _) => Index::Corrupt,
            (true, true) => Index::Merged,
            (true, false) if self.operation => Index::InOperation,
            (true, false) => Index::Unmerged,
        };
        measurement.set_from(INDEX, index, &run);
        measurement.detail("unmerged", paths.len().to_string());
        measurement.detail("first-unmerged", paths.first().cloned().unwrap_or_default());
        measurement.detail("index-file", self.entry.git_dir.join("index").to_string_lossy());
        measurement.list("unmerged-file", paths);
        Ok(())
    }

    fn record_linked_trees(&self, measurement: &mut Measurement) -> Result<(), NotMeasured> {
        let trees = LinkedTree::all(&self.entry.common_dir);
        // The one that is examined has its own fact.
        let others = trees.iter().filter(|tree| tree.top != self.entry.top);
        let (mut moved, mut missing, mut locked) = (Vec::new(), Vec::new(), Vec::new());
        let mut rescued = Vec::new();
        for tree in others {
            let list = match &tree.state {
                TreeState::Present => continue,
                TreeState::Moved(place) if *place == self.entry.top => continue,
                TreeState::Moved(place) => {
                    moved.push(place.to_string_lossy().into_owned());
                    continue;
                }
                TreeState::Missing if tree.locked.is_some() => &mut locked,
                TreeState::Missing => &mut missing,
            };
            if list.is_empty() {
                let branch = tree.branch().map(|branch| format!("branch {branch}"));
                measurement.detail("kept", branch.unwrap_or_else(|| "no branch".to_owned()));
                measurement.detail("gone-tree", tree.top.to_string_lossy());
                measurement.detail("lock-reason", tree.locked.clone().unwrap_or_default());
            }
            list.push(tree.top.to_string_lossy().into_owned());
            let is_commit = tree.head.len() >= 40 && tree.branch().is_none();
            if is_commit && !self.git.is_in_a_ref(&tree.head)? {
                rescued.push(tree.head.clone());
            }
        }
        let state = match (locked.is_empty(), missing.is_empty(), moved.is_empty()) {
            (false, ..) => LinkedTrees::LockedMissing,
            (true, false, _) => LinkedTrees::Missing,
            (true, true, false) => LinkedTrees::Moved,
            (true, true, true) => LinkedTrees::Present,
        };
        let run = self.git.run(["worktree", "list"])?;
        measurement.set_from(LINKED_TREES, state, &run);
        measurement.detail("linked", trees.len().to_string());
        measurement.detail("moved-tree", moved.first().cloned().unwrap_or_default());
        measurement.list("moved-to", moved);
        measurement.list("locked-tree", locked);
        measurement.list("rescued", rescued);
        Ok(())
    }

    fn record_submodules(&self, measurement: &mut Measurement) -> Result<(), NotMeasured> {
        let Some(top) = self.entry.git().top else { return Ok(()) };
        if !top.join(".gitmodules").is_file() {
            return Ok(());
        }
        let get = ["config", "--file", ".gitmodules", "--null", "--get-regexp", r"\.path$"];
        let run = self.git.run(get)?;
        let paths = run.stdout.split(|byte| *byte == 0);
        let paths = paths.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\n').nth(1));
        let broken = paths.map(|path| Path::new(OsStr::from_bytes(path))).filter(|path| {
            let dir = top.join(path);
            let entry = dir.join(".git").exists().then(|| RepositoryEntry::find(&dir)).flatten();
            entry.is_some_and(|entry| !entry.git_dir.is_dir())
        });
        let broken: Vec<String> = broken.map(|path| path.to_string_lossy().into_owned()).collect();
        let state = if broken.is_empty() { Submodules::Linked } else { Submodules::Broken };
        measurement.set_from(SUBMODULES, state, &run);
        measurement.detail("first-broken", broken.first().cloned().unwrap_or_default());
        measurement.list("broken-submodule", broken);
        Ok(())
    }

    /// Returns the top of the work tree and the directories in HEAD.
    fn tracked_dirs(&self) -> Result<Vec<PathBuf>, NotMeasured> {
        let run = self
            .git
            .run_long(["ls-tree", "-r", "-d", "-z", "--name-only", "HEAD"], LISTING_LIMIT)?;
        let names = run.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let dirs = names.map(|name| self.entry.top.join(OsStr::from_bytes(name)));
        Ok(std::iter::once(self.entry.top.clone()).chain(dirs).collect())
    }
}
