use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{self, Stdio};
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};

use super::{Manager, QueryError};
use crate::exec::spawn_lock::spawn_permit;
use crate::exec::{poll_timeout, set_up_environment, time_left};

/// A question to the journal that its indexes answer: entries with one of several values.
#[derive(Debug, Clone)]
pub struct JournalQuery<'a> {
    pub manager: Manager,
    /// Not before, in seconds since 1970.
    pub since: Option<i64>,
    /// Not after, in seconds since 1970.
    pub until: Option<i64>,
    /// Entries in which one of these fields has one of these values.
    pub any_of: Vec<(&'a str, &'a str)>,
    /// The fields to read.
    pub fields: &'a [&'a str],
}

/// A query under way: `journalctl` runs while the caller asks others.
#[derive(Debug)]
pub struct PendingJournal {
    child: process::Child,
    stderr: File,
    deadline: Instant,
}

impl JournalQuery<'_> {
    /// Asks. The answer is in the export format (systemd.io, "Journal Export Formats"), which costs
    /// `journalctl` less than JSON.
    ///
    /// # Errors
    /// When `journalctl` cannot be started.
    pub fn start(&self, deadline: Instant) -> Result<PendingJournal, QueryError> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => QueryError::Missing("journalctl is not in PATH".into()),
            _ => QueryError::Unreachable(format!("journalctl could not be started: {error}")),
        };
        let stderr = tempfile::tempfile().map_err(failed)?;
        let mut command = process::Command::new("journalctl");
        command
            .args([self.manager.option(), "--quiet", "--no-pager", "--all", "--output=export"])
            .arg(format!("--output-fields={}", self.fields.join(",")))
            .args(self.since.map(|since| format!("--since=@{since}")))
            .args(self.until.map(|until| format!("--until=@{until}")))
            .args(self.matches())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().map_err(failed)?);
        set_up_environment(&mut command);
        let unblocked = SigSet::empty();
        // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
        unsafe {
            command.pre_exec(move || {
                unblocked.thread_set_mask()?;
                Ok(prctl::set_pdeathsig(Signal::SIGKILL)?)
            });
        }
        let _permission = spawn_permit();
        let child = command.spawn().map_err(failed)?;
        Ok(PendingJournal { child, stderr, deadline })
    }

    /// The arguments: values of one field are alternatives, and `+` is between fields
    /// (journalctl(1)).
    fn matches(&self) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        let mut last = None;
        for (field, value) in &self.any_of {
            if last.is_some_and(|last| last != *field) {
                words.push("+".into());
            }
            last = Some(*field);
            words.push(format!("{field}={value}"));
        }
        words
    }
}

impl PendingJournal {
    /// Waits for the answer and returns its bytes.
    ///
    /// # Errors
    /// When it does not end by the deadline, or with an error.
    pub fn wait(mut self) -> Result<Vec<u8>, QueryError> {
        let failed = |error: io::Error| {
            QueryError::Unreachable(format!("journalctl cannot be read: {error}"))
        };
        let mut stdout = self.child.stdout.take().expect("its output is a pipe");
        let mut bytes = Vec::with_capacity(1 << 16);
        let mut buffer = vec![0; 1 << 16];
        loop {
            if time_left(self.deadline).is_zero() {
                return Err(QueryError::Timeout);
            }
            let mut fds = [PollFd::new(stdout.as_fd(), PollFlags::POLLIN)];
            match poll(&mut fds, poll_timeout(self.deadline)) {
                Ok(0) | Err(nix::errno::Errno::EINTR) => continue,
                Ok(_) => {}
                Err(error) => return Err(failed(error.into())),
            }
            match stdout.read(&mut buffer).map_err(failed)? {
                0 => break,
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        }
        let status = self.child.wait().map_err(failed)?;
        // It exits with 1 if nothing matches.
        if status.success() || (status.code() == Some(1) && bytes.is_empty()) {
            let text = self.errors();
            if text.is_empty() || status.success() {
                return Ok(bytes);
            }
        }
        Err(QueryError::Unreachable(format!("journalctl failed: {}", self.errors())))
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        let _ = self.stderr.rewind();
        let _ = (&mut self.stderr).take(2000).read_to_string(&mut text);
        text.trim().to_owned()
    }
}

impl Drop for PendingJournal {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_one_field_are_alternatives_and_fields_are_joined_by_a_plus() {
        let query = JournalQuery {
            manager: Manager::User,
            since: None,
            until: None,
            any_of: vec![("A", "1"), ("A", "2"), ("B", "--x")],
            fields: &[],
        };
        assert_eq!(query.matches(), ["A=1", "A=2", "+", "B=--x"]);
    }
}
