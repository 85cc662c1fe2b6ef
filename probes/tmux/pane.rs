use std::ffi::OsStr;

use crate::Unable;
use crate::sandbox::{Command, Completed, Running, TmuxServer};

/// What a pane runs so that it tells that it lives, and then goes on living: `$0` is its name.
const LIVE: &str = "tmux wait-for -S \"$0\"; exec cat";
/// What the server runs when a session has closed, so that the death of its pane is told on the
/// same channel. `pane-died` will not do: up to tmux 3.5, the helper that writes utmp records makes
/// the server miss the end of every second short pane (upstream commit fa5f3cef3d65, issue 4559).
const CLOSED: &str = "run-shell -b 'tmux wait-for -S \"#{hook_session_name}\"'";

/// A pane of a private server, alone in a session that bears its name.
pub struct Pane<'a> {
    server: &'a TmuxServer<'a>,
    name: &'static str,
    opened: Completed,
    told: Option<Running>,
}

/// A pane whose command runs.
pub struct LivePane {
    /// The process id of its command.
    pub pid: u32,
    /// That of its server.
    pub server_pid: u32,
    /// The command that opened it.
    pub opened: Completed,
}

/// What became of a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its command runs.
    Lives,
    /// Its command has ended, and tmux has closed it.
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

impl<'a> Pane<'a> {
    /// Makes a server tell when a pane closes. It must be called before a pane is opened.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn watch(server: &TmuxServer) -> Result<(), Unable> {
        // run-shell uses the shell that the user prefers, which may be any.
        let shell = ["set-option", "-g", "default-shell", "/bin/sh", ";"];
        let hook = ["set-hook", "-g", "session-closed", CLOSED];
        Self::arrange(server, &[&shell[..], &hook[..]].concat())
    }

    /// Gives a server commands, with `;` as a word between them, that change what its panes get.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn arrange<T: AsRef<OsStr>>(server: &TmuxServer, words: &[T]) -> Result<(), Unable> {
        succeed(server.command().args(words))?;
        Ok(())
    }

    /// The command of a pane that tells that it lives.
    pub fn living(name: &'static str) -> [&'static str; 4] {
        ["sh", "-c", LIVE, name]
    }

    /// Opens a pane in a session of its own. `surroundings` changes the environment of the tmux
    /// command that opens it, not that of the pane.
    ///
    /// # Errors
    /// When tmux refuses.
    pub fn open<T: AsRef<OsStr>>(
        server: &'a TmuxServer<'a>,
        name: &'static str,
        words: &[T],
        surroundings: impl FnOnce(Command) -> Command,
    ) -> Result<Self, Unable> {
        let opening = server.command().args(["new-session", "-d", "-s", name, "--"]).args(words);
        Self::opened_by(server, name, &surroundings(opening))
    }

    /// Replaces what runs in the only pane of the session `name`.
    ///
    /// # Errors
    /// When tmux refuses.
    pub fn reopen<T: AsRef<OsStr>>(
        server: &'a TmuxServer<'a>,
        name: &'static str,
        words: &[T],
    ) -> Result<Self, Unable> {
        let opening = server.command().args(["respawn-pane", "-k", "-t"]);
        Self::opened_by(server, name, &opening.arg(format!("={name}:")).arg("--").args(words))
    }

    fn opened_by(
        server: &'a TmuxServer<'a>,
        name: &'static str,
        opening: &Command,
    ) -> Result<Self, Unable> {
        let opened = succeed(opening.clone())?;
        let told = Some(server.command().args(["wait-for", name]).start()?);
        Ok(Self { server, name, opened, told })
    }

    /// Waits until its command tells that it lives, or has ended. Gives the command that opened it.
    ///
    /// # Errors
    /// When neither has happened at the deadline.
    pub fn fate(mut self) -> Result<(Fate, Completed), Unable> {
        Ok((self.settle()?, self.opened))
    }

    fn settle(&mut self) -> Result<Fate, Unable> {
        if let Some(told) = self.told.take() {
            told.wait()?;
        }
        let target = format!("={}", self.name);
        let found = self.server.command().args(["has-session", "-t", &target]).run()?;
        Ok(if found.success() { Fate::Lives } else { Fate::Dies })
    }

    /// The name of its session.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The process id of its command, whatever that does.
    ///
    /// # Errors
    /// When the pane has closed.
    pub fn pid(&self) -> Result<u32, Unable> {
        Ok(self.pids()?.0)
    }

    /// Waits until its command tells that it lives, as it must.
    ///
    /// # Errors
    /// When it does not.
    pub fn live(mut self) -> Result<LivePane, Unable> {
        if self.settle()? == Fate::Dies {
            return Err(Unable::Unmeasured(format!("the pane `{}` did not live", self.name)));
        }
        let (pid, server_pid) = self.pids()?;
        Ok(LivePane { pid, server_pid, opened: self.opened })
    }

    fn pids(&self) -> Result<(u32, u32), Unable> {
        let ask = self.server.command().args(["display-message", "-p", "-t"]);
        let told = succeed(ask.arg(format!("={}:", self.name)).arg("#{pane_pid} #{pid}"))?.text();
        let mut pids = told.split(' ').map(str::parse);
        match (pids.next(), pids.next()) {
            (Some(Ok(pid)), Some(Ok(server_pid))) => Ok((pid, server_pid)),
            _ => Err(Unable::Unmeasured(format!("tmux told `{told}` for two process ids"))),
        }
    }
}

/// Runs a tmux command that no server has a reason to refuse.
fn succeed(command: Command) -> Result<Completed, Unable> {
    let run = command.run()?;
    if run.success() {
        return Ok(run);
    }
    Err(Unable::Unmeasured(format!("the private tmux server refused: {}", run.errors())))
}
