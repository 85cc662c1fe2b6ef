use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ExitStatus};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::command::CommandError;
use super::process_tree::descendants;
use crate::measurement::Evidence;

/// How many bytes of standard error, and of each word of the command, go into an evidence line.
const QUOTED: usize = 2000;

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

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Completed {
    words: Vec<String>,
    status: ExitStatus,
    /// The first part of its standard output: 64 KiB, unless [`super::Command::keep`] says more.
    pub stdout: Vec<u8>,
    /// The first part of its standard error, likewise.
    pub stderr: Vec<u8>,
    /// From its start until its end was seen.
    pub elapsed: Duration,
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

    /// Waits for its end. What a detached descendant still writes to its pipes is not waited for.
    ///
    /// # Errors
    /// At its deadline, when it is killed together with its process group.
    pub fn wait(mut self) -> Result<Completed, CommandError> {
        self.close_input();
        while !self.turn(true)? {}
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
        if left.is_zero() {
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

impl Completed {
    /// Whether it exited with status 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Its exit status; `None` if a signal ended it.
    pub fn exit(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// How it ended, for a sentence: `exit status 1`, `signal 9`.
    pub fn ending(&self) -> String {
        match (self.exit(), self.signal()) {
            (Some(status), _) => format!("exit status {status}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown end".into(),
        }
    }

    /// Its standard output as text, without the white space at its end.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// Its standard error as text, without the white space at its end.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_owned()
    }

    /// It as the evidence for `fact`.
    pub fn evidence(&self, fact: &str) -> Evidence {
        Evidence {
            fact: fact.into(),
            argv: self.words.iter().map(|word| shortened(word)).collect(),
            exit: self.exit(),
            stderr: shortened(&self.errors()),
            ms: u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// What of a text goes into an evidence line.
fn shortened(text: &str) -> String {
    let mut end = QUOTED.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let ellipsis = if end < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", &text[..end])
}

/// One output stream: its non-blocking pipe until the end, and what is kept of it.
pub(super) struct Stream {
    pipe: Option<File>,
    kept: Vec<u8>,
    /// How many bytes are kept; the rest is read and thrown away.
    keep: usize,
}

impl Stream {
    pub(super) fn new(pipe: Option<OwnedFd>, keep: usize) -> io::Result<Self> {
        if let Some(pipe) = &pipe {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        Ok(Self { pipe: pipe.map(File::from), kept: Vec::new(), keep })
    }

    /// Its pipe, until that has ended.
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(AsFd::as_fd)
    }

    /// A whole line of what is kept, counted from 0.
    pub(super) fn line(&self, number: usize) -> Option<String> {
        let mut lines = self.kept.split_inclusive(|&byte| byte == b'\n');
        let line = lines.nth(number)?.strip_suffix(b"\n")?;
        Some(String::from_utf8_lossy(line).into_owned())
    }

    /// Reads what is there, once. Says whether there may be more.
    fn read_once(&mut self) -> bool {
        let Some(pipe) = &mut self.pipe else { return false };
        let mut buffer = [0; 16 * 1024];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(read) => {
                let room = self.keep.saturating_sub(self.kept.len()).min(read);
                self.kept.extend_from_slice(&buffer[..room]);
                return true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Reads what is there, but no more than is kept: a descendant may go on writing for ever.
    pub(super) fn drain(&mut self) {
        while self.kept.len() < self.keep && self.read_once() {}
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Command;
    use std::time::Duration;

    #[test]
    fn an_end_reads_as_a_part_of_a_sentence() {
        let ending = |script| {
            let deadline = Instant::now() + Duration::from_secs(10);
            Command::new("sh", deadline).args(["-c", script]).run().unwrap().ending()
        };
        assert_eq!(ending("exit 3"), "exit status 3");
        assert_eq!(ending("kill -9 $$"), "signal 9");
    }

    #[test]
    fn no_more_is_kept_than_was_asked_for() {
        let deadline = Instant::now() + Duration::from_secs(10);
        let printf = Command::new("printf", deadline).args(["abc"]);
        assert_eq!(printf.run().unwrap().stdout, b"abc");
        assert_eq!(printf.keep(2).run().unwrap().stdout, b"ab");
    }

    #[test]
    fn only_what_is_too_long_is_shortened_and_no_letter_is_cut() {
        assert_eq!(shortened(&"x".repeat(QUOTED)), "x".repeat(QUOTED));
        let cut = shortened(&format!("{}é", "x".repeat(QUOTED - 1)));
        assert_eq!(cut, format!("{}…", "x".repeat(QUOTED - 1)));
    }
}
