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

use super::captured_pipe::CAPTURE_LIMIT;
use super::child_setup::{name_limit, set_up_environment};
use super::spawn_lock::spawn_permit;
use super::{Child, CommandError, Output, SharedPipe};

/// A command to run: argv, changes to the environment, and a deadline.
///
/// It runs with `LC_ALL=C`, without colours, without a pager, and without variables that change what programs print
/// (`child_setup.rs`). Otherwise it inherits the doctor's environment, because that environment is what is examined.
#[derive(Debug, Clone)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    deadline: Instant,
    piped_stdin: bool,
    capture_limit: usize,
    output: Option<Arc<OwnedFd>>,
}

impl Command {
    /// Creates a command. At `deadline` it is killed with its process group.
    pub fn new(program: impl AsRef<OsStr>, deadline: Instant) -> Self {
        Self {
            program: program.as_ref().into(),
            args: Vec::new(),
            environment: Vec::new(),
            deadline,
            piped_stdin: false,
            capture_limit: CAPTURE_LIMIT,
            output: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<T: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Prefixes the command with another one that runs it: `systemd-run … -- tmux`. Changes to the
    /// environment then apply to the first program.
    #[must_use]
    pub fn wrapped_in<T: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = T>) -> Self {
        let mut argv: VecDeque<OsString> =
            wrapper.into_iter().map(|arg| arg.as_ref().to_owned()).collect();
        argv.push_back(self.program.clone());
        argv.extend(self.args);
        self.program = argv.pop_front().unwrap_or(self.program);
        self.args = argv.into();
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), Some(value.as_ref().into())));
        self
    }

    /// Removes an environment variable.
    #[must_use]
    pub fn env_remove(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.as_ref().into(), None));
        self
    }

    /// Sets an environment variable; without a value, removes it.
    #[must_use]
    pub fn env_opt(self, name: &str, value: Option<&OsStr>) -> Self {
        match value {
            Some(value) => self.env(name, value),
            None => self.env_remove(name),
        }
    }

    /// Moves the deadline to `limit` from now, if that is earlier.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.deadline = self.deadline.min(Instant::now() + limit);
        self
    }

    /// Gives the command a standard input for [`Child::write`]. Without this it reads /dev/null.
    #[must_use]
    pub fn piped_stdin(mut self) -> Self {
        self.piped_stdin = true;
        self
    }

    /// Captures up to `bytes` of each output stream instead of 64 KiB.
    #[must_use]
    pub fn capture_limit(mut self, bytes: usize) -> Self {
        self.capture_limit = bytes;
        self
    }

    /// Redirects the standard output into a pipe that several commands share.
    ///
    /// # Errors
    /// If the process has no descriptor left.
    pub fn stdout_to(mut self, shared: &SharedPipe) -> io::Result<Self> {
        self.output = Some(Arc::new(shared.writer()?));
        Ok(self)
    }

    /// Starts the command and waits for its exit.
    ///
    /// # Errors
    /// If it cannot be started, or is still running at the deadline. An exit status other than 0 is a
    /// result, not an error.
    pub fn run(&self) -> Result<Output, CommandError> {
        self.start()?.wait()
    }

    /// Starts the command.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&self) -> Result<Child, CommandError> {
        let mut command = process::Command::new(&self.program);
        command
            .args(&self.args)
            .stdin(if self.piped_stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(self.stdout().map_err(|source| self.start_error(source))?)
            .stderr(Stdio::piped())
            .process_group(0);
        set_up_environment(&mut command);
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // The doctor blocks termination signals, and a child inherits the signal mask.
        let unblocked = SigSet::empty();
        // SAFETY: between fork and exec the closure makes two system calls and does not allocate.
        unsafe {
            command.pre_exec(move || {
                unblocked.thread_set_mask()?;
                Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
            });
        }
        let started = Instant::now();
        let _permit = spawn_permit();
        let child = command.spawn().map_err(|source| self.start_error(source))?;
        Child::new(child, self.argv(), started, self.deadline, self.capture_limit)
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
            _ => CommandError::Start { program, source: name_limit(source) },
        }
    }

    /// Returns the command as typed in a shell, with changes to the environment as env(1) makes them.
    fn argv(&self) -> Vec<String> {
        let mut argv = Vec::new();
        if !self.environment.is_empty() {
            argv.push("env".to_owned());
            for (name, _) in self.environment.iter().filter(|(_, value)| value.is_none()) {
                argv.extend(["-u".to_owned(), name.to_string_lossy().into_owned()]);
            }
            for (name, value) in &self.environment {
                if let Some(value) = value {
                    argv.push(format!("{}={}", name.to_string_lossy(), value.to_string_lossy()));
                }
            }
        }
        argv.push(self.program.to_string_lossy().into_owned());
        argv.extend(self.args.iter().map(|arg| arg.to_string_lossy().into_owned()));
        argv
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_command_keeps_its_arguments_and_takes_more() {
        let command = Command::new("tmux", Instant::now()).arg("-u").env("A", "1");
        let command = command.wrapped_in(["systemd-run", "--"]).arg("start-server");
        assert_eq!(
            command.argv(),
            ["env", "A=1", "systemd-run", "--", "tmux", "-u", "start-server"]
        );
        assert_eq!(command.wrapped_in([""; 0]).argv().len(), 7);
    }
}
