use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{self, ChildStdin};
use std::time::Instant;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::captured_pipe::CapturedPipe;
use super::process_tree::descendants;
use super::{CommandError, Output, PidFd, time_left, wait_readable};

/// A command that was started. It is killed with its process group when it is dropped.
pub struct Child {
    process: process::Child,
    exited: PidFd,
    stdout: CapturedPipe,
    stderr: CapturedPipe,
    argv: Vec<String>,
    started: Instant,
    deadline: Instant,
}

impl Child {
    pub(crate) fn new(
        mut process: process::Child,
        argv: Vec<String>,
        started: Instant,
        deadline: Instant,
        capture_limit: usize,
    ) -> Result<Self, CommandError> {
        let streams = (|| {
            // A command that writes into a shared pipe has no standard output of its own.
            let stdout =
                CapturedPipe::new(process.stdout.take().map(OwnedFd::from), capture_limit)?;
            let stderr =
                CapturedPipe::new(process.stderr.take().map(OwnedFd::from), capture_limit)?;
            Ok((PidFd::of(process.id())?, stdout, stderr))
        })();
        match streams {
            Ok((exited, stdout, stderr)) => {
                Ok(Self { process, exited, stdout, stderr, argv, started, deadline })
            }
            Err(source) => {
                kill_group(&mut process);
                Err(CommandError::Output { command: argv.join(" "), source })
            }
        }
    }

    /// Returns the process id, which is also the process group id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Reports whether the process has exited.
    pub fn has_exited(&self) -> bool {
        self.exited.has_exited()
    }

    /// Returns the ids of the process and of its descendants that /proc shows now.
    pub fn tree(&self) -> Vec<u32> {
        let root = Pid::from_raw(self.pid().cast_signed());
        let below = descendants(root).into_iter().map(|pid| pid.as_raw().cast_unsigned());
        std::iter::once(self.pid()).chain(below).collect()
    }

    /// Writes to the standard input of a command started with [`super::Command::piped_stdin`].
    ///
    /// # Errors
    /// If the command has closed its input or was started without one.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.process.stdin {
            Some(input) => ChildStdin::write_all(input, bytes),
            None => Err(io::Error::other("the command has no input")),
        }
    }

    /// Closes the standard input.
    pub fn close_input(&mut self) {
        self.process.stdin = None;
    }

    /// Waits for the standard output's line number `known`, counted from 0; `None` if the output ends
    /// before that line is complete.
    ///
    /// # Errors
    /// If the deadline passes, when the process group is killed.
    pub fn next_line(&mut self, known: usize) -> Result<Option<String>, CommandError> {
        loop {
            if let Some(line) = self.stdout.line(known) {
                return Ok(Some(line));
            }
            if self.stdout.fd().is_none() {
                return Ok(None);
            }
            if self.poll_once(self.deadline)? {
                self.stdout.close();
            }
        }
    }

    /// Waits for the exit, and leaves the standard input open for descendants that still read it.
    ///
    /// # Errors
    /// If the deadline passes, when the process group is killed.
    pub fn wait_exit(&mut self) -> Result<(), CommandError> {
        while !self.poll_once(self.deadline)? {}
        Ok(())
    }

    /// Waits for the exit. Does not wait for detached descendants that still hold the pipes.
    ///
    /// # Errors
    /// If the deadline passes, when the process group is killed.
    pub fn wait(mut self) -> Result<Output, CommandError> {
        self.close_input();
        self.wait_exit()?;
        self.output()
    }

    /// Handles what has happened, without waiting. Returns the result once the process has exited.
    ///
    /// # Errors
    /// If the deadline has passed, when the process group is killed.
    pub(crate) fn try_wait(&mut self) -> Result<Option<Output>, CommandError> {
        if self.poll_once(Instant::now())? { self.output().map(Some) } else { Ok(None) }
    }

    /// Returns when the command is killed.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes the result of a process that has exited.
    fn output(&mut self) -> Result<Output, CommandError> {
        let status = self.process.wait().map_err(|source| self.output_error(source))?;
        Ok(Output {
            argv: std::mem::take(&mut self.argv),
            status,
            elapsed: self.started.elapsed(),
            stdout: self.stdout.take(),
            stderr: self.stderr.take(),
        })
    }

    /// Waits for one event until `until` and handles it. Says whether the process has exited.
    fn poll_once(&mut self, until: Instant) -> Result<bool, CommandError> {
        if time_left(self.deadline).is_zero() && !self.has_exited() {
            kill_group(&mut self.process);
            return Err(CommandError::Deadline {
                command: self.argv.join(" "),
                after: self.started.elapsed(),
            });
        }
        let fds: Vec<BorrowedFd> = self.fds().collect();
        let ready = wait_readable(&fds, until).map_err(|source| self.output_error(source))?;
        let exited = ready[0];
        // Neither pipe blocks, so both can be read whichever is ready.
        if ready[1..].contains(&true) {
            self.stdout.read_once();
            self.stderr.read_once();
        }
        if self.stdout.over_limit() || self.stderr.over_limit() {
            kill_group(&mut self.process);
            return Err(CommandError::OutputLimit { command: self.argv.join(" ") });
        }
        Ok(exited)
    }

    /// Returns the descriptors to poll, the one for the exit first.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        [Some(self.exited.as_fd()), self.stdout.fd(), self.stderr.fd()].into_iter().flatten()
    }

    fn output_error(&self, source: io::Error) -> CommandError {
        CommandError::Output { command: self.argv.join(" "), source }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            kill_group(&mut self.process);
        }
    }
}

/// Kills a command and its process group, and reaps the command.
fn kill_group(child: &mut process::Child) {
    let pid = Pid::from_raw(child.id().cast_signed());
    let _ = killpg(pid, Signal::SIGKILL);
    let _ = child.kill();
    let _ = child.wait();
}
