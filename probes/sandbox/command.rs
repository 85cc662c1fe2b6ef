use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::cleaner::may_act;
use super::command_error::CommandError;
use super::completed::Completed;
use super::running::Running;
use super::shared_output::SharedOutput;
use super::stream::KEPT;

/// A command that a probe runs: words, changes to the environment, and a deadline.
///
/// Its language is C, it has no colours and no pager; the rest of the environment is the doctor's
/// own, because that environment is what is examined.
#[derive(Debug, Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    deadline: Instant,
    keep_input: bool,
    keep: usize,
    output: Option<Arc<OwnedFd>>,
}

impl Command {
    /// A command that is killed at `deadline` with everything in its process group.
    pub fn new(program: impl AsRef<OsStr>, deadline: Instant) -> Self {
        Self {
            program: program.as_ref().into(),
            args: Vec::new(),
            environment: Vec::new(),
            deadline,
            keep_input: false,
            keep: KEPT,
            output: None,
        }
    }

    /// Adds a word.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    /// Adds words.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Puts it behind other words, of which the first becomes the program: `systemd-run … -- tmux`.
    /// Changes to the environment are those of that program then.
    #[must_use]
    pub fn behind<T: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = T>) -> Self {
        let mut words: VecDeque<OsString> =
            words.into_iter().map(|word| word.as_ref().to_owned()).collect();
        words.push_back(self.program.clone());
        words.extend(self.args);
        self.program = words.pop_front().unwrap_or(self.program);
        self.args = words.into();
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), Some(value.as_ref().into())));
        self
    }

    /// Takes an environment variable away.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), None));
        self
    }

    /// Sets or takes away an environment variable, as `value` says.
    #[must_use]
    pub fn env_as(self, name: &str, value: Option<&OsStr>) -> Self {
        match value {
            Some(value) => self.env(name, value),
            None => self.env_remove(name),
        }
    }

    /// Shortens the deadline to `limit` from now, if that is earlier.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = self.deadline.min(Instant::now() + limit);
        self
    }

    /// Gives it an input that the caller writes to and closes, in place of an empty one.
    #[must_use]
    pub fn with_input(mut self) -> Self {
        self.keep_input = true;
        self
    }

    /// Keeps up to `bytes` of each of its output streams, in place of 64 KiB.
    #[must_use]
    pub fn keep(mut self, bytes: usize) -> Self {
        self.keep = bytes;
        self
    }

    /// Lets it write its standard output into a pipe that other commands write to as well.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn output_to(mut self, shared: &SharedOutput) -> io::Result<Self> {
        self.output = Some(Arc::new(shared.writer()?));
        Ok(self)
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be started or had not ended at the deadline. An exit status other than 0 is
    /// a result, not an error.
    pub fn run(&self) -> Result<Completed, CommandError> {
        self.start()?.wait()
    }

    /// Starts it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self) -> Result<Running, CommandError> {
        let mut command = process::Command::new(&self.program);
        command
            .args(&self.args)
            .envs([
                ("LC_ALL", "C"),
                ("SYSTEMD_COLORS", "0"),
                // systemd 247 colours what it logs all the same.
                ("SYSTEMD_LOG_COLOR", "0"),
                ("SYSTEMD_PAGER", "cat"),
                ("GIT_PAGER", "cat"),
                ("GIT_TERMINAL_PROMPT", "0"),
            ])
            .stdin(if self.keep_input { Stdio::piped() } else { Stdio::null() })
            .stdout(self.stdout().map_err(|source| self.start_error(source))?)
            .stderr(Stdio::piped())
            .process_group(0);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // The doctor blocks the signals that end it, and a child would inherit that.
        let unblocked = SigSet::empty();
        // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                unblocked.thread_set_mask()?;
                Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
            });
        }
        let started = Instant::now();
        let _permission = may_act();
        let child = command.spawn().map_err(|source| self.start_error(source))?;
        Running::new(child, self.words(), started, self.deadline, self.keep)
    }

    fn stdout(&self) -> io::Result<Stdio> {
        match &self.output {
            Some(shared) => Ok(shared.try_clone()?.into()),
            None => Ok(Stdio::piped()),
        }
    }

    fn start_error(&self, source: io::Error) -> CommandError {
        let program = self.program.to_string_lossy().into_owned();
        match source.kind() {
            io::ErrorKind::NotFound => CommandError::NotFound { program },
            _ => CommandError::Start { program, source },
        }
    }

    /// The command as one would type it: changes to the environment in front, through env(1).
    fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if !self.environment.is_empty() {
            words.push("env".to_owned());
            for (name, _) in self.environment.iter().filter(|(_, value)| value.is_none()) {
                words.extend(["-u".to_owned(), name.to_string_lossy().into_owned()]);
            }
            for (name, value) in &self.environment {
                if let Some(value) = value {
                    words.push(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
                }
            }
        }
        words.push(self.program.to_string_lossy().into_owned());
        words.extend(self.args.iter().map(|arg| arg.to_string_lossy().into_owned()));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_behind_others_keeps_its_words_and_takes_more() {
        let command = Command::new("tmux", Instant::now()).arg("-u").env("A", "1");
        let command = command.behind(["systemd-run", "--"]).arg("start-server");
        assert_eq!(
            command.words(),
            ["env", "A=1", "systemd-run", "--", "tmux", "-u", "start-server"]
        );
        assert_eq!(command.behind([""; 0]).words().len(), 7);
    }
}
