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

use crate::exec::PidFd;
use crate::sandbox::NotMeasured;
use crate::sandbox::ProbeContext;

/// A FIFO through which panes report that they run: each writes one line to it, which begins with the
/// pane's name.
pub(crate) struct PaneFifo {
    path: PathBuf,
    file: File,
    unread: Vec<u8>,
    reports: HashMap<String, String>,
    deadline: Instant,
}

impl PaneFifo {
    /// Creates one in the probe's directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create(context: &ProbeContext) -> Result<Self, NotMeasured> {
        Self::create_named(context, "panes")
    }

    /// Creates one with a name of its own in the probe's directory.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn create_named(context: &ProbeContext, name: &str) -> Result<Self, NotMeasured> {
        Ok(Self::create_at(context.dir().join(name), context.deadline())?)
    }

    fn create_at(path: PathBuf, deadline: Instant) -> io::Result<Self> {
        let file = create_fifo(&path)?;
        Ok(Self { path, file, unread: Vec::new(), reports: HashMap::new(), deadline })
    }

    /// Returns its path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes what the pane `name` has written after its name; `None` if it has written nothing yet.
    ///
    /// # Errors
    /// When the FIFO cannot be read.
    pub(crate) fn take_report(&mut self, name: &str) -> io::Result<Option<String>> {
        self.read_lines()?;
        Ok(self.reports.remove(name))
    }

    /// Waits for the report of the pane `name`, and returns what it wrote after its name; `None` if
    /// `process` has exited without a report.
    ///
    /// # Errors
    /// When neither has happened at the deadline.
    pub(crate) fn wait_report(
        &mut self,
        name: &str,
        process: Option<&PidFd>,
    ) -> Result<Option<String>, NotMeasured> {
        loop {
            // In this order, so that what a process wrote before its exit is read.
            let has_exited = process.is_some_and(PidFd::has_exited);
            let report = self.take_report(name)?;
            if report.is_some() || has_exited {
                return Ok(report);
            }
            let left = self.deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let reason =
                    format!("the command in the pane `{name}` neither reported nor exited in time");
                return Err(NotMeasured::Unmeasured(reason));
            }
            let sources = process.map(AsFd::as_fd).into_iter().chain([self.file.as_fd()]);
            let mut fds: Vec<PollFd> =
                sources.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            // Both are looked at again, whatever ended the wait.
            let _ = poll(&mut fds, timeout);
        }
    }

    /// Reads the complete lines that are there.
    fn read_lines(&mut self) -> io::Result<()> {
        match self.file.read_to_end(&mut self.unread) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            _ => {}
        }
        let whole = self.unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.unread.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).lines() {
            let (name, report) = line.split_once(' ').unwrap_or((line, ""));
            self.reports.insert(name.to_owned(), report.to_owned());
        }
        Ok(())
    }
}

/// Creates a FIFO and opens both its ends: no process that opens it blocks, and readers see no end
/// before the returned file is closed.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn create_fifo(path: &Path) -> io::Result<File> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    OpenOptions::new().read(true).write(true).custom_flags(O_NONBLOCK).open(path)
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};
    use std::time::Duration;

    use super::*;
    use crate::exec::spawn_lock::spawn_permit;

    fn pane(fifo: &PaneFifo, script: &str) -> (Child, PidFd) {
        let permit = spawn_permit();
        let child = Command::new("sh").args(["-c", script]).arg(fifo.path()).spawn().unwrap();
        drop(permit);
        let end = PidFd::of(child.id()).unwrap();
        (child, end)
    }

    #[test]
    fn a_pane_has_reported_or_has_exited() {
        let path = std::env::temp_dir().join(format!("pane-fifo-{}", std::process::id()));
        let mut fifo = PaneFifo::create_at(path, Instant::now() + Duration::from_secs(10)).unwrap();
        let (mut dead, end) = pane(&fifo, "echo other >\"$0\"");
        assert_eq!(fifo.wait_report("dead", Some(&end)).unwrap(), None);
        assert_eq!(fifo.take_report("other").unwrap().as_deref(), Some(""));
        let (mut living, end) =
            pane(&fifo, "printf 'a b' >\"$0\"; echo ' c' >\"$0\"; exec sleep 60");
        assert_eq!(fifo.wait_report("a", Some(&end)).unwrap().as_deref(), Some("b c"));
        living.kill().unwrap();
        for child in [&mut dead, &mut living] {
            child.wait().unwrap();
        }
        std::fs::remove_file(fifo.path()).unwrap();
    }
}
