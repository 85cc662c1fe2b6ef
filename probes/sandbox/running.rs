use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, ChildStdin};
use std::time::Instant;

use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::command_error::CommandError;
use super::completed::Completed;
use super::process_tree::descendants;
use super::stream::Stream;

/// A command under way.
pub struct Running {
    child: Child,
    exited: OwnedFd,
    stdout: Stream,
    stderr: Stream,
    words: Vec<String>,
    started: Instant,
    deadline: Instant,
}

impl Running {
    pub(super) fn new(
        mut child: Child,
        words: Vec<String>,
        started: Instant,
        deadline: Instant,
        keep: usize,
    ) -> Result<Self, CommandError> {
        let streams = (|| {
            // There is none where the output goes into a pipe that several share.
            let stdout = Stream::new(child.stdout.take().map(OwnedFd::from), keep)?;
            let stderr = Stream::new(child.stderr.take().map(OwnedFd::from), keep)?;
            Ok((pidfd(child.id())?, stdout, stderr))
        })();
        match streams {
            Ok((exited, stdout, stderr)) => {
                Ok(Self { child, exited, stdout, stderr, words, started, deadline })
            }
            Err(source) => {
                kill_group(&mut child);
                Err(CommandError::Output { command: words.join(" "), source })
            }
        }
    }

    /// Its process id, which is also its process group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, as far as can be seen now.
    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.exited.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
    }

    /// The process ids of its process and of all that descends from it, as /proc shows them now.
    pub fn tree(&self) -> Vec<u32> {
        let root = Pid::from_raw(self.pid().cast_signed());
        let below = descendants(root).into_iter().map(|pid| pid.as_raw().cast_unsigned());
        std::iter::once(self.pid()).chain(below).collect()
    }

    /// Writes to its input, if it was started with one.
    ///
    /// # Errors
    /// When it has closed its input.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.child.stdin {
            Some(input) => ChildStdin::write_all(input, bytes),
            None => Err(io::Error::other("the command has no input")),
        }
    }

    /// Closes its input.
    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until it has written a whole line to its standard output, and gives all lines so far;
    /// `None` if it ended its output without one more.
    ///
    /// # Errors
    /// At its deadline, when it is killed.
    pub fn next_line(&mut self, known: usize) -> Result<Option<String>, CommandError> {
        loop {
            if let Some(line) = self.stdout.line(known) {
                return Ok(Some(line));
            }
            if self.stdout.pipe.is_none() {
                return Ok(None);
            }
            self.turn(false)?;
        }
    }

    /// Waits for its end and leaves its input open for what it has left behind.
    ///
    /// # Errors
    /// At its deadline, when it is killed together with its process group.
    pub fn await_end(&mut self) -> Result<(), CommandError> {
        while !self.turn(true)? {}
        Ok(())
    }

    /// Waits for its end. What a detached descendant still writes to its pipes is not waited for.
    ///
    /// # Errors
    /// At its deadline, when it is killed together with its process group.
    pub fn wait(mut self) -> Result<Completed, CommandError> {
        self.close_input();
        self.await_end()?;
        let status = self.child.wait().map_err(|source| self.unreadable(source))?;
        let elapsed = self.started.elapsed();
        self.stdout.drain();
        self.stderr.drain();
        Ok(Completed {
            words: std::mem::take(&mut self.words),
            status,
            stdout: std::mem::take(&mut self.stdout.kept),
            stderr: std::mem::take(&mut self.stderr.kept),
            elapsed,
        })
    }

    /// Waits for one event and takes it in. Says whether the command has ended.
    fn turn(&mut self, until_exit: bool) -> Result<bool, CommandError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() && !self.has_ended() {
            kill_group(&mut self.child);
            return Err(CommandError::Deadline {
                command: self.words.join(" "),
                after: self.started.elapsed(),
            });
        }
        // One millisecond more, because poll(2) rounds down and would spin at the end.
        let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
        let (ended, out, err) = {
            let mut fds = vec![PollFd::new(self.exited.as_fd(), PollFlags::POLLIN)];
            let readable = |stream: &Stream| stream.pipe.is_some();
            for stream in [&self.stdout, &self.stderr] {
                if let Some(pipe) = &stream.pipe {
                    fds.push(PollFd::new(pipe.as_fd(), PollFlags::POLLIN));
                }
            }
            match poll(&mut fds, timeout) {
                Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                Err(error) => return Err(self.unreadable(error.into())),
            }
            let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(false));
            let ended = ready.next().unwrap_or(false);
            let out = readable(&self.stdout) && ready.next().unwrap_or(false);
            let err = readable(&self.stderr) && ready.next().unwrap_or(false);
            (ended, out, err)
        };
        if out {
            self.stdout.read_once();
        }
        if err {
            self.stderr.read_once();
        }
        if self.stdout.floods() || self.stderr.floods() {
            kill_group(&mut self.child);
            return Err(CommandError::Flood { command: self.words.join(" ") });
        }
        if ended && !until_exit {
            self.stdout.drain();
            self.stdout.pipe = None;
        }
        Ok(ended)
    }

    fn unreadable(&self, source: io::Error) -> CommandError {
        CommandError::Output { command: self.words.join(" "), source }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_group(&mut self.child);
        }
    }
}

/// Kills a command and all that is still in its process group, and reaps it.
fn kill_group(child: &mut Child) {
    let pid = Pid::from_raw(child.id().cast_signed());
    let _ = killpg(pid, Signal::SIGKILL);
    let _ = child.kill();
    let _ = child.wait();
}

/// A descriptor that becomes readable when the process ends (pidfd_open(2), Linux 5.3).
pub(super) fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes two integers and gives a new descriptor or -1.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor was just made, and nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    debug_assert!(fd.as_raw_fd() >= 0);
    Ok(fd)
}
