use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::Unable;
use crate::sandbox::{Command, Completed, Sandbox};

/// What git reads from the environment and would lead it out of a private repository.
const FOREIGN: [&str; 12] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CEILING_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_EXTERNAL_DIFF",
];

/// Git looks after every commit and every pull whether there is maintenance to do.
const NO_MAINTENANCE: &str = "maintenance.auto=false";

/// A repository of a probe's own, which no configuration but its own reaches.
pub struct PrivateRepo<'a> {
    sandbox: &'a Sandbox<'a>,
    /// The top of its work tree.
    pub top: PathBuf,
}

impl<'a> PrivateRepo<'a> {
    /// An empty repository `name` in the probe's directory. Before git 2.28 its branch is not `main`.
    ///
    /// # Errors
    /// When git is missing or fails.
    pub fn init(sandbox: &'a Sandbox<'a>, name: &str) -> Result<Self, Unable> {
        let repo = Self { sandbox, top: sandbox.dir().join(name) };
        let init = isolated(sandbox, "git").args(["-c", "init.defaultBranch=main", "init"]);
        succeed(&init.args(["--quiet", "--template="]).arg(&repo.top))?;
        Ok(repo)
    }

    /// Clones it into the probe's directory, and gives the clone, in which git starts no
    /// maintenance.
    ///
    /// # Errors
    /// When git fails.
    pub fn clone_as(&self, name: &str) -> Result<Self, Unable> {
        let top = self.sandbox.dir().join(name);
        let clone = self.command("git").args(["clone", "--quiet", "--template=", "--config"]);
        succeed(&clone.args([NO_MAINTENANCE, "--"]).arg(&self.top).arg(&top))?;
        Ok(Self { sandbox: self.sandbox, top })
    }

    /// Copies it into the probe's directory, and gives the copy's top.
    ///
    /// # Errors
    /// When cp(1) fails.
    pub fn copy_as(&self, name: &str) -> Result<PathBuf, Unable> {
        let top = self.sandbox.dir().join(name);
        succeed(&self.command("cp").arg("-R").arg(&self.top).arg(&top))?;
        Ok(top)
    }

    /// Runs a git command in it, which must succeed and starts no maintenance.
    ///
    /// # Errors
    /// When it does not.
    pub fn git(&self, args: &[&str]) -> Result<Completed, Unable> {
        let git = self.command("git").args(["-c", NO_MAINTENANCE, "-C"]);
        succeed(&git.arg(&self.top).args(args))
    }

    /// A command that sees no configuration of the user's or the system's.
    pub fn command(&self, program: &str) -> Command {
        isolated(self.sandbox, program)
    }

    /// Adds a linked work tree without any files beside it, and gives its top.
    ///
    /// # Errors
    /// When git fails.
    pub fn add_work_tree(&self, name: &str) -> Result<PathBuf, Unable> {
        let top = self.sandbox.dir().join(name);
        let add = self.command("git").arg("-C").arg(&self.top);
        succeed(&add.args(["worktree", "add", "--quiet", "--detach", "--no-checkout"]).arg(&top))?;
        Ok(top)
    }
}

fn isolated(sandbox: &Sandbox, program: &str) -> Command {
    let home: &Path = sandbox.dir();
    let null: &OsStr = "/dev/null".as_ref();
    let command =
        FOREIGN.iter().fold(sandbox.command(program), |command, name| command.env_remove(name));
    command
        .env("GIT_CONFIG_GLOBAL", null)
        .env("GIT_CONFIG_SYSTEM", null)
        // Git before 2.32 does not know those two.
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .env("GIT_AUTHOR_NAME", "doctor")
        .env("GIT_AUTHOR_EMAIL", "doctor@localhost")
        .env("GIT_COMMITTER_NAME", "doctor")
        .env("GIT_COMMITTER_EMAIL", "doctor@localhost")
}

fn succeed(command: &Command) -> Result<Completed, Unable> {
    let run = command.run()?;
    if run.success() {
        return Ok(run);
    }
    Err(Unable::Unmeasured(format!("a repository for the measurement: {}", run.failure())))
}
