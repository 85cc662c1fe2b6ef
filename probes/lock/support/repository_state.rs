use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::git_query::GitQuery;
use super::linked_trees::{LinkedTree, TreeState};
use super::repository_entry::{EntryKind, RepositoryEntry, in_folder};
use crate::exec::Output;
use crate::fact_values;
use crate::host::GitDir;
use crate::sandbox::{Measurement, NotMeasured};

fact_values! {
    /// Whether git works in a repository, and why not.
    pub(crate) enum RepositoryState {
        Usable = "usable",
        Bare = "bare",
        BareWorkTree = "bare-work-tree",
        BareLinked = "bare-linked",
        BareMainTree = "bare-main-tree",
        WorkTreeMissing = "work-tree-missing",
        WorkTreeElsewhere = "work-tree-elsewhere",
        ConfigSyntax = "config-syntax",
        ConfigValue = "config-value",
        DubiousOwnership = "dubious-ownership",
        OwnedByRoot = "owned-by-root",
        NewerFormat = "newer-format",
        HeadMissing = "head-missing",
        RefsMissing = "refs-missing",
        ObjectsMissing = "objects-missing",
        Incomplete = "incomplete",
        AdminMissing = "admin-missing",
        MainMoved = "main-moved",
        SubmoduleMissing = "submodule-missing",
        LinkBroken = "link-broken",
        TreeMoved = "tree-moved",
        Unreadable = "unreadable",
        Refused = "refused",
    }
}

/// The answer of `git rev-parse` about a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    is_bare: bool,
    is_inside_work_tree: bool,
    git_dir: PathBuf,
}

impl RepositoryState {
    /// Asks git about the repository of `entry`, and adds the details of its state. Returns git's answer as well.
    ///
    /// # Errors
    /// When git is missing or does not exit in time.
    pub(crate) fn query(
        git: &GitQuery,
        entry: &RepositoryEntry,
        measurement: &mut Measurement,
    ) -> Result<(Self, Output), NotMeasured> {
        let questions =
            ["rev-parse", "--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir"];
        let run = git.run(questions)?;
        let state = match Answer::parse(&run) {
            Some(answer) if is_same(&answer.git_dir, &entry.git_dir) => {
                Self::of_answer(&answer, git, entry, measurement)?
            }
            // It found another repository in a directory above.
            Some(_) => Self::of_pieces(entry, measurement).unwrap_or(Self::Refused),
            None => Self::of_refusal(&run.stderr_text(), git, entry, measurement)?,
        };
        measurement.detail("git-says", run.error_summary().lines().next().unwrap_or_default());
        Ok((state, run))
    }

    /// Whether git reads the repository, so that it can answer more questions.
    pub(crate) fn is_readable(self) -> bool {
        use RepositoryState as S;
        matches!(
            self,
            S::Usable
                | S::Bare
                | S::BareWorkTree
                | S::BareLinked
                | S::BareMainTree
                | S::WorkTreeMissing
                | S::WorkTreeElsewhere
                | S::TreeMoved
        )
    }

    fn of_answer(
        answer: &Answer,
        git: &GitQuery,
        entry: &RepositoryEntry,
        measurement: &mut Measurement,
    ) -> Result<Self, NotMeasured> {
        let has_index = entry.git_dir.join("index").exists();
        if answer.is_bare {
            record_origin(git, entry, "core.bare", measurement)?;
            return Ok(match entry.kind {
                EntryKind::File if entry.is_linked() => Self::BareLinked,
                EntryKind::Directory if has_index => Self::BareWorkTree,
                _ => Self::Bare,
            });
        }
        if !answer.is_inside_work_tree && entry.kind != EntryKind::Bare {
            let work_tree = git.line(&["rev-parse", "--show-toplevel"])?.unwrap_or_default();
            record_origin(git, entry, "core.worktree", measurement)?;
            let is_dir = Path::new(&work_tree).is_dir();
            measurement.detail("work-tree", work_tree);
            return Ok(if is_dir { Self::WorkTreeElsewhere } else { Self::WorkTreeMissing });
        }
        if !entry.is_linked() {
            return Ok(Self::Usable);
        }
        let expected = LinkedTree::read(&entry.git_dir);
        if expected.is_some_and(|tree| tree.state != TreeState::Present) {
            return Ok(Self::TreeMoved);
        }
        let is_main = entry.common_dir.ends_with(".git") && entry.common_dir.join("index").exists();
        let config = entry.common_dir.join("config");
        let is_bare = git.line(&[
            "config",
            "--file",
            &config.to_string_lossy(),
            "--type=bool",
            "--get",
            "core.bare",
        ])?;
        if is_main && is_bare.as_deref() == Some("true") {
            let main = entry.common_dir.parent().unwrap_or(&entry.common_dir);
            measurement.detail("main", main.to_string_lossy());
            return Ok(Self::BareMainTree);
        }
        Ok(Self::Usable)
    }

    fn of_refusal(
        message: &str,
        git: &GitQuery,
        entry: &RepositoryEntry,
        measurement: &mut Measurement,
    ) -> Result<Self, NotMeasured> {
        let contains = |part| message.contains(part);
        if contains("dubious ownership") || contains("unsafe repository") {
            let is_roots = |path| fs::metadata(path).is_ok_and(|metadata| metadata.uid() == 0);
            let is_root = [&entry.top, &entry.git_dir].into_iter().any(is_roots);
            return Ok(if is_root { Self::OwnedByRoot } else { Self::DubiousOwnership });
        }
        if let Some((line, file)) = config_error(message) {
            // git starts in the work tree's top.
            let file = entry.top.join(file);
            let line = broken_line(&fs::read(&file).unwrap_or_default(), line);
            measurement.detail("bad-config", file.to_string_lossy());
            measurement.detail("bad-line", line.to_string());
            measurement.detail("comment-out", format!("{line}s/^/# /"));
            return Ok(Self::ConfigSyntax);
        }
        if let Some(key) = message.lines().find_map(bad_value) {
            let files = [entry.git_dir.join("config.worktree"), entry.common_dir.join("config")];
            for file in files.iter().filter(|file| file.exists()) {
                let outside = git.outside();
                let file = file.to_string_lossy();
                if outside.line(&["config", "--file", &file, "--get", key])?.is_some() {
                    measurement.detail("bad-config", file);
                    measurement.detail("bad-key", key);
                    return Ok(Self::ConfigValue);
                }
            }
        }
        if names_missing_work_tree(git, entry, measurement)? {
            return Ok(Self::WorkTreeMissing);
        }
        if contains("unknown repository extension")
            || contains("-only extension")
            || contains("Expected git repo version")
        {
            return Ok(Self::NewerFormat);
        }
        if contains("Permission denied") {
            return Ok(Self::Unreadable);
        }
        Ok(Self::of_pieces(entry, measurement).unwrap_or(Self::Refused))
    }

    /// Says which piece of a repository is missing; `None` if none is.
    fn of_pieces(entry: &RepositoryEntry, measurement: &mut Measurement) -> Option<Self> {
        if entry.kind == EntryKind::File && !entry.git_dir.is_dir() {
            return Some(Self::of_broken_link(entry, measurement));
        }
        let missing = entry.missing_pieces();
        measurement.detail("missing", missing.join(", "));
        match missing[..] {
            [] => None,
            ["HEAD"] => Some(match last_branch(entry) {
                Some(branch) => {
                    measurement.detail("branch", branch);
                    Self::HeadMissing
                }
                None => Self::Incomplete,
            }),
            ["refs"] => Some(Self::RefsMissing),
            ["objects"] => Some(Self::ObjectsMissing),
            _ => Some(Self::Incomplete),
        }
    }

    fn of_broken_link(entry: &RepositoryEntry, measurement: &mut Measurement) -> Self {
        let target = &entry.git_dir;
        measurement.detail("target", target.to_string_lossy());
        let name = target.file_name().unwrap_or_default();
        if in_folder(target, "modules") {
            let above = entry.top.parent().and_then(GitDir::find);
            let Some(superproject) = above.and_then(|git| git.top) else { return Self::LinkBroken };
            let path = entry.top.strip_prefix(&superproject).unwrap_or(&entry.top);
            measurement.detail("submodule", path.to_string_lossy());
            measurement.detail("superproject", superproject.to_string_lossy());
            return Self::SubmoduleMissing;
        }
        if target.parent().is_none_or(|parent| !parent.ends_with("worktrees")) {
            return Self::LinkBroken;
        }
        let repository = target.ancestors().nth(2).filter(|common| {
            ["HEAD", "objects", "refs"].iter().all(|piece| common.join(piece).exists())
        });
        if let Some(common) = repository {
            let branch = format!("refs/heads/{}", name.to_string_lossy());
            let start = if common.join(&branch).is_file() { branch } else { "HEAD".to_owned() };
            measurement.detail("main-git-dir", common.to_string_lossy());
            measurement.detail("start", start);
            return Self::AdminMissing;
        }
        // A work tree inside the main one was moved together with it.
        let admin = entry.top.ancestors().skip(1).find_map(|dir| {
            let admin = dir.join(".git/worktrees").join(name);
            admin.is_dir().then_some(admin)
        });
        match admin {
            Some(admin) => {
                measurement.detail("admin-dir", admin.to_string_lossy());
                Self::MainMoved
            }
            None => Self::LinkBroken,
        }
    }
}

impl Answer {
    fn parse(run: &Output) -> Option<Self> {
        let text = run.stdout_text();
        let mut lines = text.lines();
        let mut flag = || lines.next()?.parse::<bool>().ok();
        let (is_bare, is_inside_work_tree) = (flag()?, flag()?);
        Some(Self { is_bare, is_inside_work_tree, git_dir: lines.next()?.into() })
    }
}

/// Adds the file that has the setting `key`.
fn record_origin(
    git: &GitQuery,
    entry: &RepositoryEntry,
    key: &str,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let origin = git.line(&["config", "--show-origin", "--get", key])?.unwrap_or_default();
    if let Some((file, _)) = origin.strip_prefix("file:").and_then(|rest| rest.split_once('\t')) {
        measurement.detail("config", entry.top.join(file).to_string_lossy());
    }
    Ok(())
}

/// Whether core.worktree names a directory that does not exist; if one above it is missing as well, git refuses.
fn names_missing_work_tree(
    git: &GitQuery,
    entry: &RepositoryEntry,
    measurement: &mut Measurement,
) -> Result<bool, NotMeasured> {
    let config = entry.common_dir.join("config").to_string_lossy().into_owned();
    let get = ["config", "--file", &config, "--get", "core.worktree"];
    let Some(work_tree) = git.outside().line(&get)? else { return Ok(false) };
    let is_missing = !entry.is_linked() && !entry.git_dir.join(&work_tree).is_dir();
    measurement.detail("work-tree", work_tree);
    Ok(is_missing)
}

fn is_same(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Parses `bad config line 13 in file .git/config` (git, config.c, `git_parse_source`).
fn config_error(message: &str) -> Option<(usize, &str)> {
    let (_, rest) = message.split_once("bad config line ")?;
    let (line, file) = rest.split_once(" in file ")?;
    Some((line.parse().ok()?, file.lines().next()?.trim_end()))
}

/// Returns the line that is broken, where git reports `line`: it names the next one if the error is at the end of a line,
/// in a section header or a quoted value (git, config.c, `get_next_char`).
fn broken_line(text: &[u8], line: usize) -> usize {
    let before = line.checked_sub(2).and_then(|index| text.split(|byte| *byte == b'\n').nth(index));
    let is_open = before.is_some_and(|before| {
        let before = before.trim_ascii();
        let has_open_quote = before.split(|byte| *byte == b'"').count() % 2 == 0;
        before.starts_with(b"[") && !before.contains(&b']') || has_open_quote
    });
    if is_open { line - 1 } else { line }
}

/// Parses the key in `bad boolean config value 'x' for 'core.bare'`; before git 2.31 it says `numeric`
/// (git, config.c, `die_bad_number` and `git_config_bool`).
fn bad_value(line: &str) -> Option<&str> {
    let (_, rest) =
        line.split_once(" config value '").filter(|(before, _)| before.contains("bad "))?;
    let (_, rest) = rest.split_once("' for '")?;
    rest.split('\'').next()
}

/// Returns the branch that was checked out last: by the reflog of HEAD, or because there is only one.
fn last_branch(entry: &RepositoryEntry) -> Option<String> {
    let log = fs::read_to_string(entry.git_dir.join("logs/HEAD")).unwrap_or_default();
    let moved = log.lines().rev().find_map(|line| line.rsplit_once("checkout: moving from "));
    let by_log =
        moved.and_then(|(_, names)| names.rsplit_once(" to ")).map(|(_, to)| to.to_owned());
    let exists = |name: &String| entry.common_dir.join("refs/heads").join(name).is_file();
    by_log.filter(exists).or_else(|| {
        let heads = fs::read_dir(entry.common_dir.join("refs/heads")).ok()?;
        let mut names = heads.flatten().filter_map(|head| head.file_name().into_string().ok());
        let only = names.next().filter(|_| names.next().is_none());
        only.filter(exists)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_a_broken_configuration_is_parsed() {
        let message = "fatal: bad config line 13 in file /home/a b/.git/config";
        assert_eq!(config_error(message), Some((13, "/home/a b/.git/config")));
        assert_eq!(config_error("fatal: not a git repository"), None);
    }

    #[test]
    fn an_open_header_or_quote_is_on_the_line_before_the_one_that_git_reports() {
        assert_eq!(broken_line(b"[core]\n[remote \"origin\"\n", 3), 2);
        assert_eq!(broken_line(b"[core]\n\ta = \"b\nc = d\n", 3), 2);
        assert_eq!(broken_line(b"[core]\n\ta b c\n", 2), 2);
        assert_eq!(broken_line(b"", 1), 1);
    }

    #[test]
    fn the_key_of_a_bad_value_is_parsed() {
        for message in [
            "fatal: bad boolean config value 'perhaps' for 'core.bare'",
            "fatal: bad numeric config value 'x' for 'core.bare' in file .git/config: invalid unit",
        ] {
            assert_eq!(bad_value(message), Some("core.bare"));
        }
        assert_eq!(bad_value("fatal: bad config line 1 in file x"), None);
    }
}
