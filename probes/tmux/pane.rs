use std::ffi::{OsStr, OsString};

use super::pane_pipe::PanePipe;
use crate::Unable;
use crate::sandbox::{Command, Completed, ProcessEnd, TmuxServer};

/// What a pane runs so that it tells through the pipe `$1` that it lives, and then goes on living:
/// `$0` is its name.
const LIVE: &str = "echo \"$0\" >\"$1\"; read -r line";
/// The words by which tmux prints the process id of the command in a pane.
const PID: &str = "#{pane_pid}";

/// A pane of a private server, alone in a session that bears its name.
pub struct Pane {
    /// The process id of its command.
    pub pid: u32,
    /// The command that opened it.
    pub opened: Completed,
    name: &'static str,
    /// `None` if its command had ended before it could be looked at.
    process: Option<ProcessEnd>,
}

/// What became of a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its command runs.
    Lives,
    /// Its command has ended.
    Dies,
}

impl Fate {
    /// The word for it on the cards.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lives => "lives",
            Self::Dies => "dies",
        }
    }
}

impl Pane {
    /// The command of a pane that tells that it lives.
    pub fn living(name: &'static str, pipe: &PanePipe) -> Vec<OsString> {
        let words = ["sh", "-c", LIVE, name].map(OsStr::new);
        words.into_iter().chain([pipe.path().as_os_str()]).map(OsStr::to_owned).collect()
    }

    /// Opens a pane that runs `words` in a session of its own. `tmux` is the command that does it;
    /// other tmux commands may stand in it already, each with a `;` behind it.
    ///
    /// # Errors
    /// When tmux refuses.
    pub fn open<T: AsRef<OsStr>>(
        tmux: Command,
        name: &'static str,
        words: &[T],
    ) -> Result<Self, Unable> {
        let opening = tmux.args(["new-session", "-d", "-P", "-F", PID, "-s", name, "--"]);
        Self::opened_by(&opening.args(words), name)
    }

    /// Opens a pane that runs `words` in place of what runs in the only pane of the session `name`.
    ///
    /// # Errors
    /// When tmux refuses.
    pub fn reopen<T: AsRef<OsStr>>(
        tmux: Command,
        name: &'static str,
        words: &[T],
    ) -> Result<Self, Unable> {
        let target = format!("={name}:");
        let opening = tmux.args(["respawn-pane", "-k", "-t", &target, "--"]).args(words);
        let telling = opening.args([";", "display-message", "-p", "-t", &target, PID]);
        Self::opened_by(&telling, name)
    }

    fn opened_by(opening: &Command, name: &'static str) -> Result<Self, Unable> {
        let opened = opening.run()?;
        let first = opened.text().lines().next().and_then(|line| line.parse().ok());
        let Some(pid) = first else {
            let told = opened.errors();
            let reason = format!("the private tmux server opened no pane: {told}");
            return Err(Unable::Unmeasured(reason));
        };
        Ok(Self { pid, opened, name, process: ProcessEnd::of(pid).ok() })
    }

    /// Waits until its command tells that it lives, or has ended.
    ///
    /// # Errors
    /// When neither has happened at the deadline.
    pub fn fate(&self, pipe: &mut PanePipe) -> Result<Fate, Unable> {
        Ok(if self.told(pipe)?.is_some() { Fate::Lives } else { Fate::Dies })
    }

    /// Waits until its command tells that it lives, as it must, and gives what it told with that.
    ///
    /// # Errors
    /// When it does not.
    pub fn live(&self, pipe: &mut PanePipe) -> Result<String, Unable> {
        self.told(pipe)?
            .ok_or_else(|| Unable::Unmeasured(format!("the pane `{}` did not live", self.name)))
    }

    fn told(&self, pipe: &mut PanePipe) -> Result<Option<String>, Unable> {
        match &self.process {
            None => Ok(pipe.told(self.name)?),
            process => pipe.wait(self.name, process.as_ref()),
        }
    }
}

/// Runs tmux commands, with `;` as a word between them, that the server has no reason to refuse.
///
/// # Errors
/// When it does.
pub fn arrange<T: AsRef<OsStr>>(server: &TmuxServer, words: &[T]) -> Result<(), Unable> {
    let run = server.command().args(words).run()?;
    if run.success() {
        return Ok(());
    }
    Err(Unable::Unmeasured(format!("the private tmux server refused: {}", run.errors())))
}
