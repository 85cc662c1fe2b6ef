use std::ffi::{OsStr, OsString};

use super::pane_fifo::PaneFifo;
use crate::exec::{Command, Output, PidFd};
use crate::fact_values;
use crate::sandbox::NotMeasured;

/// What a pane runs to report through the FIFO `$1` that it runs, under its name `$0`. It then waits
/// for input.
const HEARTBEAT: &str = "echo \"$0\" >\"$1\"; read -r line";
/// The format by which tmux prints the process id of the command in a pane.
const PID: &str = "#{pane_pid}";

/// A pane of a private server, alone in a session that has its name.
pub(crate) struct Pane {
    /// The process id of its command.
    pub(crate) pid: u32,
    /// The command that opened it, and maybe others.
    pub(crate) opened: Output,
    name: &'static str,
    /// `None` if its command had exited before its pidfd could be opened.
    process: Option<PidFd>,
}

fact_values! {
    /// Whether the command in a pane runs.
    pub(crate) enum PaneState {
        Running = "lives",
        Exited = "dies",
    }
}

impl Pane {
    /// Returns a pane's command that reports to `fifo` as soon as it runs.
    pub(crate) fn heartbeat_command(name: &'static str, fifo: &PaneFifo) -> Vec<OsString> {
        let words = ["sh", "-c", HEARTBEAT, name].map(OsStr::new);
        words.into_iter().chain([fifo.path().as_os_str()]).map(OsStr::to_owned).collect()
    }

    /// Waits until its command has reported or exited.
    ///
    /// # Errors
    /// When it has done neither at the deadline.
    pub(crate) fn state(&self, fifo: &mut PaneFifo) -> Result<PaneState, NotMeasured> {
        Ok(match self.report(fifo)? {
            Some(_) => PaneState::Running,
            None => PaneState::Exited,
        })
    }

    /// Waits until its command has reported, and returns the words after its name.
    ///
    /// # Errors
    /// When it exits without a report, or has not reported at the deadline.
    pub(crate) fn require_alive(&self, fifo: &mut PaneFifo) -> Result<String, NotMeasured> {
        self.report(fifo)?.ok_or_else(|| {
            NotMeasured::Unmeasured(format!("the command in the pane `{}` did not run", self.name))
        })
    }

    fn report(&self, fifo: &mut PaneFifo) -> Result<Option<String>, NotMeasured> {
        match &self.process {
            None => Ok(fifo.take_report(self.name)?),
            process => fifo.wait_report(self.name, process.as_ref()),
        }
    }
}

/// A tmux command that opens panes, one after the other.
pub(crate) struct PaneBuilder {
    tmux: Command,
    /// tmux commands, with a `;` after each.
    words: Vec<OsString>,
    names: Vec<&'static str>,
}

impl PaneBuilder {
    /// Starts with `tmux`, a command that has no words of its own yet.
    pub(crate) fn new(tmux: Command) -> Self {
        Self { tmux, words: Vec::new(), names: Vec::new() }
    }

    /// Adds other tmux commands, with a `;` after each.
    #[must_use]
    pub(crate) fn then<T: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        self.words.extend(words.into_iter().map(|word| word.as_ref().to_owned()));
        self
    }

    /// Opens a pane that runs `words`, in a session of its own.
    #[must_use]
    pub(crate) fn pane<T: AsRef<OsStr>>(mut self, name: &'static str, words: &[T]) -> Self {
        self.names.push(name);
        self.then(["new-session", "-d", "-P", "-F", PID, "-s", name, "--"]).then(words).then([";"])
    }

    /// Runs `words` in the only pane of the session `name`, in place of its command.
    #[must_use]
    pub(crate) fn respawn<T: AsRef<OsStr>>(mut self, name: &'static str, words: &[T]) -> Self {
        self.names.push(name);
        let target = format!("={name}:");
        let respawn = self.then(["respawn-pane", "-k", "-t", &target, "--"]).then(words);
        respawn.then([";", "display-message", "-p", "-t", &target, PID, ";"])
    }

    /// Runs the command and returns the panes.
    ///
    /// # Errors
    /// When tmux refuses.
    pub(crate) fn run<const COUNT: usize>(mut self) -> Result<[Pane; COUNT], NotMeasured> {
        self.words.pop_if(|word| word == ";");
        let opened = self.tmux.args(self.words).run()?;
        let pids = opened.stdout_text();
        let pids = pids.lines().map_while(|line| line.parse().ok());
        let panes: Vec<Pane> = std::iter::zip(self.names, pids)
            .map(|(name, pid)| Pane {
                pid,
                opened: opened.clone(),
                name,
                process: PidFd::of(pid).ok(),
            })
            .collect();
        panes.try_into().map_err(|_| {
            NotMeasured::Unmeasured(format!(
                "the private tmux server did not open its panes: {}",
                opened.error_summary()
            ))
        })
    }
}
