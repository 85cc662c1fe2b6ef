use std::io::{self, IsTerminal, Write};

use launch_probes::Probe;
use launch_probes::sandbox::{Event, Waiting};

use super::output::width;

/// The line on a terminal that says what is being probed. It writes nothing unless both standard
/// error and standard output are terminals.
pub struct LiveLine {
    running: Vec<String>,
    is_shown: bool,
}

impl LiveLine {
    pub fn new() -> Self {
        let is_shown = io::stderr().is_terminal() && io::stdout().is_terminal();
        Self { running: Vec::new(), is_shown }
    }

    /// Says that another doctor is waited for. That it no longer is, is always said.
    pub fn on_waiting(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Began => self.show("another doctor runs here; this one waits for its end"),
            Waiting::GivenUp => {
                self.show("");
                let _ = writeln!(
                    io::stderr(),
                    "doctor: another doctor has not ended within two minutes, and is not waited for \
                     any longer; each may keep the other from measuring"
                );
            }
        }
    }

    /// Takes in what happened and shows what runs now.
    pub fn on_event(&mut self, event: Event) {
        match event {
            Event::Started(probe) => self.running.push(probe.id()),
            Event::Finished(probe) => self.forget(probe),
        }
        self.show(&format!("probing {}", self.running.join(", ")));
    }

    fn forget(&mut self, probe: &Probe) {
        let id = probe.id();
        self.running.retain(|running| *running != id);
    }

    /// Goes back to the first column, writes the text, as far as it fits, and clears what stood
    /// behind it.
    fn show(&self, text: &str) {
        if !self.is_shown {
            return;
        }
        let room = width().saturating_sub(1);
        let mut line: String = text.chars().take(room).collect();
        if line.len() < text.len() {
            line.pop();
            line.push('…');
        }
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

impl Drop for LiveLine {
    fn drop(&mut self) {
        self.show("");
    }
}
