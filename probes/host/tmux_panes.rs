use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, str};

use nix::sys::stat::{major, minor};

use super::{QueryError, TmuxServer};
use crate::exec::{Child, CommandError};

/// How long a server may take to list its panes. A healthy server takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// The fields of a pane. A tab cannot be in the name of a session from tmux 3.2 on, and before that only in the last
/// field.
const FORMAT: &str = "#{pane_id}\t#{pane_pid}\t#{pid}\t#{window_index}\t#{pane_index}\t#{pane_dead}\t#{pane_tty}\t#{session_name}";
/// How much of the answer is kept: 10,000 panes with long names.
const ANSWER_LIMIT: usize = 4 << 20;

/// A pane of a tmux server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TmuxPane {
    /// The name of its session.
    pub session: String,
    /// The index of its window.
    pub window: u32,
    /// The index of the pane in the window.
    pub index: u32,
    /// The id that the server never uses again, such as `%3`.
    pub id: String,
    /// The process that tmux started in the pane. It may have ended.
    pub pid: u32,
    /// The terminal, such as `/dev/pts/3`.
    pub tty: PathBuf,
    /// Whether the process has ended.
    pub is_dead: bool,
    /// The socket of the server.
    pub socket: PathBuf,
    /// The process of the server.
    pub server_pid: u32,
}

/// A query for panes whose answer has not been read.
pub struct PendingPanes {
    socket: PathBuf,
    child: Child,
}

impl TmuxServer {
    /// Asks the server for all its panes. Does not wait for the answer.
    ///
    /// # Errors
    /// If tmux cannot be started.
    pub fn query_panes(&self, deadline: Instant) -> Result<PendingPanes, CommandError> {
        let list = self.command(deadline).timeout(ANSWER_TIMEOUT).capture_limit(ANSWER_LIMIT);
        let child = list.args(["list-panes", "-a", "-F", FORMAT]).start()?;
        Ok(PendingPanes { socket: self.path.clone(), child })
    }
}

impl PendingPanes {
    /// Waits up to two seconds for the answer, and returns the panes sorted by session, window and index. A pane that
    /// is in several sessions is returned once.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn wait(self) -> Result<Vec<TmuxPane>, QueryError> {
        let run = self.child.wait()?;
        if !run.success() {
            return Err(QueryError::Unreachable(run.error_summary()));
        }
        Ok(parse(&run.stdout, &self.socket))
    }
}

impl TmuxPane {
    /// Returns the target by which tmux finds the pane: `SESSION:WINDOW.PANE`.
    pub fn target(&self) -> String {
        format!("{}:{}.{}", self.session, self.window, self.index)
    }

    /// Returns the device number of the terminal as /proc/PID/stat has it; `None` if the terminal is gone.
    pub fn tty_number(&self) -> Option<u32> {
        let device = fs::metadata(&self.tty).ok()?.rdev();
        // The kernel's own encoding (Linux include/linux/kdev_t.h, `new_encode_dev`).
        let (major, minor) =
            (u32::try_from(major(device)).ok()?, u32::try_from(minor(device)).ok()?);
        Some((minor & 0xff) | (major << 8) | ((minor & !0xff) << 12))
    }
}

/// Parses what `list-panes` prints. What is no pane belongs to the name of a session, in which tmux 3.1 allows line
/// breaks, and is left out.
pub(crate) fn parse(answer: &[u8], socket: &Path) -> Vec<TmuxPane> {
    let text = String::from_utf8_lossy(answer);
    let mut panes: Vec<TmuxPane> =
        text.split('\n').filter_map(|line| parse_line(line, socket)).collect();
    panes.sort();
    let mut seen = std::collections::HashSet::new();
    panes.retain(|pane| seen.insert((pane.server_pid, pane.id.clone())));
    panes
}

fn parse_line(line: &str, socket: &Path) -> Option<TmuxPane> {
    let mut fields = line.splitn(8, '\t');
    let id = fields.next()?;
    let is_id = |id: &str| id.strip_prefix('%').is_some_and(|number| number.parse::<u32>().is_ok());
    is_id(id).then_some(())?;
    Some(TmuxPane {
        id: id.to_owned(),
        pid: fields.next()?.parse().ok()?,
        server_pid: fields.next()?.parse().ok()?,
        window: fields.next()?.parse().ok()?,
        index: fields.next()?.parse().ok()?,
        is_dead: fields.next()? == "1",
        tty: fields.next()?.into(),
        session: fields.next()?.to_owned(),
        socket: socket.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panes(answer: &str) -> Vec<TmuxPane> {
        parse(answer.as_bytes(), Path::new("/tmp/s"))
    }

    #[test]
    fn panes_are_sorted_by_their_targets() {
        let found = panes(
            "%2\t30\t7\t1\t0\t0\t/dev/pts/2\tb c\n%0\t10\t7\t0\t0\t0\t/dev/pts/0\tb c\n\
             %1\t20\t7\t0\t0\t1\t/dev/pts/1\ta\n",
        );
        let targets: Vec<String> = found.iter().map(TmuxPane::target).collect();
        assert_eq!(targets, ["a:0.0", "b c:0.0", "b c:1.0"]);
        assert!(found[0].is_dead && !found[1].is_dead);
        assert_eq!((found[2].pid, found[2].server_pid, &*found[2].id), (30, 7, "%2"));
    }

    #[test]
    fn a_pane_in_two_sessions_is_one_pane() {
        let found = panes("%0\t1\t7\t0\t0\t0\t/dev/pts/0\tb\n%0\t1\t7\t0\t0\t0\t/dev/pts/0\ta\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].session, "a");
    }

    #[test]
    fn a_tab_and_a_line_break_in_a_name_make_no_other_pane() {
        let found = panes("%0\t1\t7\t0\t0\t0\t/dev/pts/0\ta\tb\nno pane\n%x\t1\n\n");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].session, "a\tb");
    }

    #[test]
    fn the_number_of_a_terminal_is_the_one_of_proc() {
        let pane = &panes("%0\t1\t7\t0\t0\t0\t/dev/null\ta\n")[0];
        assert_eq!(pane.tty_number(), Some(0x103));
        assert_eq!(panes("%0\t1\t7\t0\t0\t0\t/no/such\ta\n")[0].tty_number(), None);
    }
}
