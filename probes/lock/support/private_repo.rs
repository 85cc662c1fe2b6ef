use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::git_variables::REDIRECTING;
use crate::exec::{Command, Output};
use crate::sandbox::{NotMeasured, ProbeContext};

/// Further variables that would make git use something outside a private repository.
const REMOVED_VARIABLES: [&str; 3] =
    ["GIT_CEILING_DIRECTORIES", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"];

/// After every commit and every pull git checks whether maintenance is due, unless this is set.
const NO_MAINTENANCE: &str = "maintenance.auto=false";

/// A repository that belongs to a probe and sees no configuration but its own.
pub(crate) struct PrivateRepo<'a> {
    context: &'a ProbeContext<'a>,
    /// The top of its work tree.
    pub(crate) top: PathBuf,
}

impl<'a> PrivateRepo<'a> {
    /// Creates an empty repository `name` in the probe's directory.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub(crate) fn init(context: &'a ProbeContext<'a>, name: &str) -> Result<Self, NotMeasured> {
        let repo = Self { context, top: context.dir().join(name) };
        let init = isolated(context, "git").args(["-c", "init.defaultBranch=main", "init"]);
        require_success(&init.args(["--quiet", "--template="]).arg(&repo.top))?;
        Ok(repo)
    }

    /// Clones it into the probe's directory. In the clone git starts no maintenance.
    ///
    /// # Errors
    /// When git fails.
    pub(crate) fn clone_as(&self, name: &str) -> Result<Self, NotMeasured> {
        let top = self.context.dir().join(name);
        let clone = self.command("git").args(["clone", "--quiet", "--template=", "--config"]);
        require_success(&clone.args([NO_MAINTENANCE, "--"]).arg(&self.top).arg(&top))?;
        Ok(Self { context: self.context, top })
    }

    /// Copies it within the probe's directory.
    ///
    /// # Errors
    /// When `cp(1)` fails.
    pub(crate) fn copy_as(&self, name: &str) -> Result<Self, NotMeasured> {
        let top = self.context.dir().join(name);
        require_success(&self.command("cp").arg("-R").arg(&self.top).arg(&top))?;
        Ok(Self { context: self.context, top })
    }

    /// Runs a git command in it, without maintenance.
    ///
    /// # Errors
    /// When the command fails.
    pub(crate) fn git(&self, args: &[&str]) -> Result<Output, NotMeasured> {
        let git = self.command("git").args(["-c", NO_MAINTENANCE, "-C"]);
        require_success(&git.arg(&self.top).args(args))
    }

    /// Returns a command that sees no configuration of the user or of the system.
    pub(crate) fn command(&self, program: &str) -> Command {
        isolated(self.context, program)
    }

    /// Adds a linked work tree beside it. Returns its top.
    ///
    /// # Errors
    /// When git fails.
    pub(crate) fn add_work_tree(&self, name: &str) -> Result<PathBuf, NotMeasured> {
        let top = self.context.dir().join(name);
        let add = self.command("git").arg("-C").arg(&self.top);
        require_success(&add.args(["worktree", "add", "--quiet", "--detach"]).arg(&top))?;
        Ok(top)
    }
}

fn isolated(context: &ProbeContext, program: &str) -> Command {
    let home: &Path = context.dir();
    let null: &OsStr = "/dev/null".as_ref();
    let command = REDIRECTING
        .into_iter()
        .chain(REMOVED_VARIABLES)
        .fold(context.command(program), Command::env_remove);
    command
        .env("GIT_CONFIG_GLOBAL", null)
        .env("GIT_CONFIG_SYSTEM", null)
        // Git before 2.32 ignores the two above.
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("GIT_AUTHOR_NAME", "doctor")
        .env("GIT_AUTHOR_EMAIL", "doctor@localhost")
        .env("GIT_COMMITTER_NAME", "doctor")
        .env("GIT_COMMITTER_EMAIL", "doctor@localhost")
}

fn require_success(command: &Command) -> Result<Output, NotMeasured> {
    let run = command.run()?;
    if run.success() {
        return Ok(run);
    }
    Err(NotMeasured::Unmeasured(format!(
        "git could not prepare the repository of this probe: {}",
        run.error_summary()
    )))
}
