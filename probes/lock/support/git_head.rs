use std::fs;

use super::git_query::GitQuery;
use super::repository_entry::RepositoryEntry;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Measurement, NotMeasured};

fact_values! {
    /// What HEAD names.
    pub(crate) enum Head {
        Branch = "branch",
        Unborn = "unborn",
        InOperation = "in-operation",
        DetachedLinked = "detached-linked",
        DetachedAlone = "detached-alone",
        Detached = "detached",
        DetachedCommits = "detached-commits",
        BranchBroken = "branch-broken",
    }
}

/// Asks git what HEAD of a repository names.
pub(crate) struct HeadQuery<'a> {
    pub(crate) git: &'a GitQuery<'a>,
    pub(crate) entry: &'a RepositoryEntry,
    /// Whether a rebase, merge or the like is unfinished.
    pub(crate) operation: bool,
}

impl HeadQuery<'_> {
    /// Returns what HEAD names, the name of its commit, and what git printed. Adds the names that the words on the
    /// card need.
    pub(crate) fn run(
        &self,
        measurement: &mut Measurement,
    ) -> Result<(Head, Option<String>, Output), NotMeasured> {
        let symbolic = self.git.run(["symbolic-ref", "--quiet", "HEAD"])?;
        let commit = self.git.line(&["rev-parse", "--quiet", "--verify", "HEAD"])?;
        let head = match (symbolic.exit(), &commit) {
            (Some(0), Some(_)) => Head::Branch,
            (Some(1), Some(commit)) => self.detached(commit, measurement)?,
            _ if self.is_branch_broken(measurement) => Head::BranchBroken,
            _ => Head::Unborn,
        };
        let branch = symbolic.stdout_text();
        if !branch.is_empty() {
            let name = branch.strip_prefix("refs/heads/").unwrap_or(&branch);
            measurement.detail("branch", name);
        }
        Ok((head, commit, symbolic))
    }

    fn detached(&self, commit: &str, measurement: &mut Measurement) -> Result<Head, NotMeasured> {
        if self.operation {
            return Ok(Head::InOperation);
        }
        if self.entry.is_linked() || self.entry.is_submodule() {
            return Ok(Head::DetachedLinked);
        }
        measurement.detail("commit", &commit[..commit.len().min(12)]);
        let Some(branch) = self.previous_branch()? else { return Ok(Head::DetachedAlone) };
        measurement.detail("branch", branch);
        let has_ref = self.git.is_in_a_ref(commit)?;
        Ok(if has_ref { Head::Detached } else { Head::DetachedCommits })
    }

    /// Returns the local branch that was checked out before, or that the remote's default branch is.
    fn previous_branch(&self) -> Result<Option<String>, NotMeasured> {
        for name in ["@{-1}", "origin/HEAD"] {
            let found = self.git.line(&["rev-parse", "--abbrev-ref", name])?;
            let found = found.map(|name| name.strip_prefix("origin/").unwrap_or(&name).to_owned());
            if let Some(branch) = found.filter(|branch| branch != "HEAD") {
                let full = format!("refs/heads/{branch}");
                if self.git.line(&["rev-parse", "--quiet", "--verify", &full])?.is_some() {
                    return Ok(Some(branch));
                }
            }
        }
        Ok(None)
    }

    /// Whether the file of the branch exists and names no commit, as after a power failure. Adds the last commit in
    /// its reflog.
    fn is_branch_broken(&self, measurement: &mut Measurement) -> bool {
        let head = fs::read_to_string(self.entry.git_dir.join("HEAD")).unwrap_or_default();
        let Some(name) = head.strip_prefix("ref: ").map(str::trim) else { return false };
        let file = self.entry.common_dir.join(name);
        if !file.is_file() {
            return false;
        }
        let log = self.entry.common_dir.join("logs").join(name);
        let log = fs::read_to_string(log).unwrap_or_default();
        let last = log.lines().last().and_then(|line| line.split(' ').nth(1));
        measurement.detail("branch-file", file.to_string_lossy());
        measurement.detail("branch-ref", name);
        measurement.detail("branch", name.strip_prefix("refs/heads/").unwrap_or(name));
        measurement.detail("last-commit", last.unwrap_or("COMMIT"));
        true
    }
}
