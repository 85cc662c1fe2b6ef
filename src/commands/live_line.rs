use std::io::{self, IsTerminal, Write};

use launch_probes::Probe;
use launch_probes::sandbox::Event;

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

    /// Takes in what happened and shows what runs now.
    pub fn on_event(&mut self, event: Event) {
        match event {
            Event::Started(probe) => self.running.push(probe.id()),
            Event::Finished(probe) => self.forget(probe),
        }
        if self.is_shown {
            let mut line = format!("probing {}", self.running.join(", "));
            let room = width().saturating_sub(1);
            if line.chars().count() > room {
                line = line.chars().take(room.saturating_sub(1)).chain(['…']).collect();
            }
            self.rewrite(&line);
        }
    }

    fn forget(&mut self, probe: &Probe) {
        let id = probe.id();
        self.running.retain(|running| *running != id);
    }

    /// Goes back to the first column, writes the line and clears what stood behind it.
    fn rewrite(&self, line: &str) {
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
    }
}

impl Drop for LiveLine {
    fn drop(&mut self) {
        if self.is_shown {
            self.rewrite("");
        }
    }
}
