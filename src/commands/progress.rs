use std::io::{self, IsTerminal, Write};

use launch_probes::Probe;
use launch_probes::runner::{LockEvent, Progress};

use crate::sink::width;

/// The most findings that are shown during a run: they must fit on the screen to be replaced by the report.
const FINDINGS_LIMIT: usize = 10;

/// What a terminal shows during a run: the findings so far, and a line with the number of probes done and those that
/// run. It is removed at the end. It writes nothing unless both standard error and standard output are terminals.
pub(super) struct ProgressLine {
    total: usize,
    done: usize,
    running: Vec<String>,
    findings: usize,
    is_shown: bool,
}

impl ProgressLine {
    /// Makes the line of a run of `total` probes.
    pub(super) fn new(total: usize) -> Self {
        let is_shown = io::stderr().is_terminal() && io::stdout().is_terminal();
        Self { total, done: 0, running: Vec::new(), findings: 0, is_shown }
    }

    /// Returns whether it is shown at all.
    pub(super) fn is_shown(&self) -> bool {
        self.is_shown
    }

    /// Shows that another doctor runs. That its end is no longer waited for is a line that stays.
    pub(super) fn on_lock_event(&mut self, event: LockEvent) {
        match event {
            LockEvent::Waiting => self.show("waiting for another doctor of this user to end"),
            LockEvent::DeadlineReached => {
                self.show("");
                let _ = writeln!(
                    io::stderr(),
                    "doctor: another doctor was still running at the deadline, so nothing was measured"
                );
            }
            LockEvent::TimedOut => {
                self.show("");
                let _ = writeln!(
                    io::stderr(),
                    "doctor: another doctor of this user did not end within two minutes; both run now and \
                     may disturb each other"
                );
            }
        }
    }

    /// Shows which probes run now, and how many are done.
    pub(super) fn on_event(&mut self, event: Progress) {
        match event {
            Progress::Started(probe) => self.running.push(probe.id()),
            Progress::Finished(probe, _) => {
                self.forget(probe);
                self.done = (self.done + 1).min(self.total);
            }
        }
        self.show(&self.status());
    }

    /// Shows a finding above the line.
    pub(super) fn on_finding(&mut self, headline: &str) {
        if self.is_shown && self.findings < FINDINGS_LIMIT {
            self.findings += 1;
            let _ = write!(io::stderr(), "\r{headline}\x1b[K\n{}", self.status());
        }
    }

    /// Counts the probes that are retried, which were counted as done.
    pub(super) fn on_retry(&mut self, count: usize) {
        self.done -= count.min(self.done);
    }

    fn status(&self) -> String {
        let line = format!("{} of {} probes: {}", self.done, self.total, self.running.join(", "));
        fit(&line, width().saturating_sub(1))
    }

    fn forget(&mut self, probe: &Probe) {
        let id = probe.id();
        self.running.retain(|running| *running != id);
    }

    /// Writes the text over the line that is there.
    fn show(&self, text: &str) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r{}\x1b[K", fit(text, width().saturating_sub(1)));
        }
    }
}

fn fit(text: &str, room: usize) -> String {
    let mut line: String = text.chars().take(room).collect();
    if line.len() < text.len() {
        line.pop();
        line.push('…');
    }
    line
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.show("");
        if self.is_shown {
            let _ = write!(io::stderr(), "{}", "\x1b[1A\x1b[K".repeat(self.findings));
        }
    }
}
