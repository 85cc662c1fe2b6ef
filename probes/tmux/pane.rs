use std::ffi::{OsStr, OsString};

use super::pane_pipe::PanePipe;
use crate::Unable;
use crate::sandbox::{Command, Completed, ProcessEnd};

/// What a pane runs so that it tells through the pipe `$1` that it lives, and then goes on living:
/// `$0` is its name.
const LIVE: &str = "echo \"$0\" >\"$1\"; read -r line";
/// The words by which tmux prints the process id of the command in a pane.
const PID: &str = "#{pane_pid}";

/// A pane of a private server, alone in a session that bears its name.
pub struct Pane {
    /// The process id of its command.
    pub pid: u32,
    /// The command that opened it, and maybe others.
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

/// A tmux command that opens panes, one after the other.
pub struct Opening {
    tmux: Command,
    /// tmux commands, each with a `;` behind it.
    words: Vec<OsString>,
    names: Vec<&'static str>,
}

impl Opening {
    /// One by `tmux`, a command that has no words of its own yet.
    pub fn by(tmux: Command) -> Self {
        Self { tmux, words: Vec::new(), names: Vec::new() }
    }

    /// Runs other tmux commands then, each with a `;` behind it.
    #[must_use]
    pub fn then<T: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Opens a pane that runs `words`, in a session of its own.
    #[must_use]
    pub fn pane<T: AsRef<OsStr>>(mut self, name: &'static str, words: &[T]) -> Self {
        self.names.push(name);
        self.then(["new-session", "-d", "-P", "-F", PID, "-s", name, "--"]).then(words).then([";"])
    }

    /// Lets the only pane of the session `name` run `words` in place of what it runs.
    #[must_use]
    pub fn pane_again<T: AsRef<OsStr>>(mut self, name: &'static str, words: &[T]) -> Self {
        self.names.push(name);
        let target = format!("={name}:");
        let respawn = self.then(["respawn-pane", "-k", "-t", &target, "--"]).then(words);
        respawn.then([";", "display-message", "-p", "-t", &target, PID, ";"])
    }

    /// Runs it, and gives the panes.
    ///
    /// # Errors
    /// When tmux refuses.
    pub fn run<const COUNT: usize>(mut self) -> Result<[Pane; COUNT], Unable> {
        self.words.pop_if(|word| word == ";");
        let opened = self.tmux.args(self.words).run()?;
        let pids = opened.text();
        let pids = pids.lines().map_while(|line| line.parse().ok());
        let panes: Vec<Pane> = std::iter::zip(self.names, pids)
            .map(|(name, pid)| Pane {
                pid,
                opened: opened.clone(),
                name,
                process: ProcessEnd::of(pid).ok(),
            })
            .collect();
        panes.try_into().map_err(|_| {
            let told = opened.failure();
            Unable::Unmeasured(format!("the private tmux server did not open its panes: {told}"))
        })
    }
}
