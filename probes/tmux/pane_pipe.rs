use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::libc::O_NONBLOCK;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::Unable;
use crate::sandbox::{ProcessEnd, Sandbox};

/// A pipe with a name, through which panes tell that they live: each writes a line to it that
/// begins with its own name.
pub struct PanePipe {
    path: PathBuf,
    pipe: File,
    unread: Vec<u8>,
    told: HashMap<String, String>,
    deadline: Instant,
}

impl PanePipe {
    /// Makes one in the probe's directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(sandbox: &Sandbox) -> Result<Self, Unable> {
        Ok(Self::make_at(sandbox.dir().join("panes"), sandbox.deadline())?)
    }

    fn make_at(path: PathBuf, deadline: Instant) -> io::Result<Self> {
        let pipe = open_pipe(&path)?;
        Ok(Self { path, pipe, unread: Vec::new(), told: HashMap::new(), deadline })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the pane `name` has written behind its name, if it has told that it lives.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub fn told(&mut self, name: &str) -> io::Result<Option<String>> {
        self.read()?;
        Ok(self.told.remove(name))
    }

    /// Waits until the pane `name` has told that it lives, and gives what it wrote behind its name;
    /// `None` if its process, where one is given, has ended and told nothing.
    ///
    /// # Errors
    /// When neither has happened at the deadline.
    pub fn wait(
        &mut self,
        name: &str,
        process: Option<&ProcessEnd>,
    ) -> Result<Option<String>, Unable> {
        loop {
            // In this order, so that what a process has told before its end is read.
            let has_ended = process.is_some_and(ProcessEnd::has_come);
            let told = self.told(name)?;
            if told.is_some() || has_ended {
                return Ok(told);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason = format!("the pane `{name}` neither told that it lives nor ended");
                return Err(Unable::Unmeasured(reason));
            }
            let sources = process.map(AsFd::as_fd).into_iter().chain([self.pipe.as_fd()]);
            let mut fds: Vec<PollFd> =
                sources.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            // Whatever woke it, both are looked at again.
            let _ = poll(&mut fds, timeout);
        }
    }

    /// Takes in the whole lines that are there.
    fn read(&mut self) -> io::Result<()> {
        match self.pipe.read_to_end(&mut self.unread) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let whole = self.unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.unread.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            let (name, told) = line.split_once(' ').unwrap_or((line, ""));
            self.told.insert(name.to_owned(), told.to_owned());
        }
        Ok(())
    }
}

/// Makes a pipe with a name and opens both its ends: nobody who opens it waits for the other end,
/// and it does not end before the file that is given is closed.
///
/// # Errors
/// When it cannot be made.
pub fn open_pipe(path: &Path) -> io::Result<File> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(path)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::time::Duration;

    use super::*;

    fn pane(pipe: &PanePipe, script: &str) -> (Child, ProcessEnd) {
        let child = Command::new("sh").args(["-c", script]).arg(pipe.path()).spawn().unwrap();
        let end = ProcessEnd::of(child.id()).unwrap();
        (child, end)
    }

    #[test]
    fn a_pane_has_told_or_has_ended() {
        let path = std::env::temp_dir().join(format!("pane-pipe-{}", std::process::id()));
        let mut pipe = PanePipe::make_at(path, Instant::now() + Duration::from_secs(10)).unwrap();
        let (mut dead, end) = pane(&pipe, "echo other >\"$0\"");
        assert_eq!(pipe.wait("dead", Some(&end)).unwrap(), None);
        assert_eq!(pipe.told("other").unwrap().as_deref(), Some(""));
        let (mut living, end) =
            pane(&pipe, "printf 'a b' >\"$0\"; echo ' c' >\"$0\"; exec sleep 60");
        assert_eq!(pipe.wait("a", Some(&end)).unwrap().as_deref(), Some("b c"));
        living.kill().unwrap();
        for child in [&mut dead, &mut living] {
            child.wait().unwrap();
        }
        std::fs::remove_file(pipe.path()).unwrap();
    }
}
