use std::path::{Path, PathBuf};

use super::git_variables::REDIRECTING;
use crate::exec::{Command, Output};
use crate::sandbox::{NotMeasured, ProbeContext};

/// Further variables of one repository. Those that carry configuration stay, because they can allow a directory.
const REMOVED_VARIABLES: [&str; 4] =
    ["GIT_SHALLOW_FILE", "GIT_GRAFT_FILE", "GIT_PREFIX", "GIT_QUARANTINE_PATH"];
/// The settings by which a repository makes git run a program, each switched off. Programs with free names, as in
/// `filter.NAME.clean`, `diff.NAME.textconv` and `alias.NAME`, are run by none of the commands that read.
const SWITCHED_OFF: [&str; 14] = [
    // Before git 2.36 the word `false` would be the name of a program.
    "core.fsmonitor=",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "core.askPass=false",
    "core.sshCommand=false",
    "core.gitProxy=false",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "diff.external=",
    "protocol.allow=never",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
];
/// The same by the environment, which has precedence: no lock is taken, no password is asked for, and a missing object
/// is not fetched.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_SSH_COMMAND", "false"),
    ("GIT_ASKPASS", "false"),
    ("GIT_EDITOR", "false"),
];

/// The user's own git, asked about a foreign repository: it only reads, and the repository cannot make it run anything.
pub(crate) struct GitQuery<'a> {
    context: &'a ProbeContext<'a>,
    dir: PathBuf,
}

impl<'a> GitQuery<'a> {
    /// Returns a git that starts in `dir`.
    pub(crate) fn new(context: &'a ProbeContext<'a>, dir: &Path) -> Self {
        Self { context, dir: dir.to_owned() }
    }

    /// Returns a git that starts in the root directory, for files of a repository whose configuration git refuses.
    pub(crate) fn outside(&self) -> Self {
        Self { context: self.context, dir: "/".into() }
    }

    /// Runs a command of git that only reads.
    ///
    /// # Errors
    /// When git is missing or does not exit in time.
    pub(crate) fn run<T: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = T>,
    ) -> Result<Output, NotMeasured> {
        Ok(self.command().args(args).run()?)
    }

    /// Does the same, and keeps up to `limit` bytes of the answer.
    ///
    /// # Errors
    /// When git is missing or does not exit in time.
    pub(crate) fn run_long<T: AsRef<std::ffi::OsStr>>(
        &self,
        args: impl IntoIterator<Item = T>,
        limit: usize,
    ) -> Result<Output, NotMeasured> {
        Ok(self.command().args(args).capture_limit(limit).run()?)
    }

    /// Returns the first line of a command's answer; `None` if it fails or answers nothing.
    ///
    /// # Errors
    /// When git is missing or does not exit in time.
    pub(crate) fn line(&self, args: &[&str]) -> Result<Option<String>, NotMeasured> {
        let run = self.run(args)?;
        let line = run.stdout_text().lines().next().map(str::to_owned);
        Ok(line.filter(|line| run.success() && !line.is_empty()))
    }

    /// Returns whether a branch, a tag or another ref leads to the commit.
    ///
    /// # Errors
    /// When git is missing or does not exit in time.
    pub(crate) fn is_in_a_ref(&self, commit: &str) -> Result<bool, NotMeasured> {
        let contains = format!("--contains={commit}");
        Ok(self.line(&["for-each-ref", "--count=1", &contains, "refs"])?.is_some())
    }

    fn command(&self) -> Command {
        let git = self.context.command("git").arg("--no-pager");
        let git = SWITCHED_OFF.into_iter().fold(git, |git, setting| git.args(["-c", setting]));
        let git = ENVIRONMENT.into_iter().fold(git, |git, (name, value)| git.env(name, value));
        let git = REDIRECTING.into_iter().chain(REMOVED_VARIABLES).fold(git, Command::env_remove);
        git.arg("-C").arg(&self.dir)
    }
}
