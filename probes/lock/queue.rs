use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Unable;
use crate::host::waits_for_flock;
use crate::sandbox::{Completed, Running, Sandbox, SharedOutput};

/// How a worker takes the lock at the path `$1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As the first document does.
    Plain,
    /// On a directory, which is not made and not written.
    Directory,
    /// On a file that must still be the one at the path once it is locked.
    Checked,
    /// Not at all.
    None,
}

impl Way {
    /// The shell's words for it.
    fn script(self) -> &'static str {
        match self {
            Self::Plain => r#"exec 9>"$1"; flock 9"#,
            Self::Directory => r#"exec 9<"$1"; flock 9"#,
            Self::Checked => {
                r#"until exec 9>"$1"; flock 9; [ "$1" -ef /proc/self/fd/9 ]; do :; done"#
            }
            Self::None => r#"exec 9>"$1""#,
        }
    }
}

/// How long nobody looks whether a worker waits, unless one writes: looking takes a processor's time.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// What a worker does once it has the lock: it is inside from `start` to `end`, and stays inside
/// until a line of input lets it go. The lock goes with its process, which ends at once.
const WORK: &str = r#"; echo "start $2"; read -r go; echo "end $2""#;

/// Workers that come to one lock, one after another, and what they do there.
pub struct Queue<'a> {
    sandbox: &'a Sandbox<'a>,
    lock: PathBuf,
    way: Way,
    output: SharedOutput,
    workers: Vec<Running>,
    arrived: usize,
    history: Vec<Event>,
}

/// What a worker, by its number in the order of arrival, wrote into the pipe that all share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    Start(usize),
    End(usize),
}

/// What happened at a lock, and how the worker that came last ended.
pub struct Served {
    pub history: Vec<Event>,
    pub last: Completed,
}

impl<'a> Queue<'a> {
    /// Nobody yet at the lock `lock`, which all workers will take in the same way.
    ///
    /// # Errors
    /// When the kernel refuses a pipe.
    pub fn at(sandbox: &'a Sandbox<'a>, lock: PathBuf, way: Way) -> Result<Self, Unable> {
        let output = SharedOutput::new()?;
        let (workers, history) = (Vec::new(), Vec::new());
        Ok(Self { sandbox, lock, way, output, workers, arrived: 0, history })
    }

    /// Starts one more worker.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self) -> Result<(), Unable> {
        let number = self.workers.len().to_string();
        let script = format!("{}{WORK}", self.way.script());
        let command = self.sandbox.command("sh").args(["-c", &script, "sh"]);
        let command = command.arg(&self.lock).arg(number).with_input().output_to(&self.output)?;
        self.workers.push(command.start()?);
        Ok(())
    }

    /// Waits until each worker is inside or waits for the lock.
    ///
    /// # Errors
    /// When one ends before, or is neither at the deadline.
    pub fn await_arrivals(&mut self) -> Result<(), Unable> {
        while self.arrived < self.workers.len() {
            while self.take_line(Instant::now())? {}
            if self.has_arrived(self.arrived) {
                self.arrived += 1;
                continue;
            }
            let late = Instant::now() >= self.sandbox.deadline();
            if late || self.workers[self.arrived].has_ended() {
                // At the deadline this kills the worker and says so.
                let run = self.workers.swap_remove(self.arrived).wait()?;
                return Err(Unable::Unmeasured(format!(
                    "a worker ended before it came to the lock: {}",
                    run.failure()
                )));
            }
            // A process that falls asleep in flock(2) tells nobody, so one looks again.
            self.take_line(Instant::now() + LOOK_AGAIN)?;
        }
        Ok(())
    }

    /// Lets the worker that is inside longest go, and waits until it has gone.
    ///
    /// # Errors
    /// When nobody is inside or gets there, or the worker does not go, by the deadline.
    pub fn let_one_go(&mut self) -> Result<(), Unable> {
        let number = self.await_one_inside()?;
        // That a worker has died and does not read is seen from the line that never comes.
        let _ = self.workers[number].write(b"\n");
        while !self.history.contains(&Event::End(number)) {
            self.await_line()?;
        }
        Ok(())
    }

    /// Waits until somebody is inside, and gives the number of the worker that is longest.
    ///
    /// # Errors
    /// When nobody is at the deadline.
    pub fn await_one_inside(&mut self) -> Result<usize, Unable> {
        loop {
            match inside(&self.history).first() {
                Some(&number) => return Ok(number),
                None => self.await_line()?,
            }
        }
    }

    /// Lets whoever is inside go, again and again until everybody was.
    ///
    /// # Errors
    /// When a worker neither comes in nor goes by the deadline.
    pub fn serve(mut self) -> Result<Served, Unable> {
        while self.history.len() < 2 * self.workers.len() {
            self.let_one_go()?;
        }
        let mut last = None;
        for worker in self.workers {
            last = Some(worker.wait()?);
        }
        let last = last.ok_or_else(|| Unable::Unmeasured("nobody came to the lock".into()))?;
        Ok(Served { history: self.history, last })
    }

    fn has_arrived(&self, number: usize) -> bool {
        self.history.contains(&Event::Start(number))
            || self.workers[number].tree().into_iter().any(waits_for_flock)
    }

    fn await_line(&mut self) -> Result<(), Unable> {
        if self.take_line(self.sandbox.deadline())? {
            return Ok(());
        }
        Err(Unable::Unmeasured("a worker did not get on by the deadline".into()))
    }

    /// Takes the next line into the history, and says whether one came by `deadline`.
    fn take_line(&mut self, deadline: Instant) -> Result<bool, Unable> {
        let Some(line) = self.output.next_line(deadline)? else { return Ok(false) };
        self.history.push(event(&line)?);
        Ok(true)
    }
}

impl Served {
    /// How many workers were inside at the same time, at the most.
    pub fn peak(&self) -> usize {
        (0..=self.history.len()).map(|end| inside(&self.history[..end]).len()).max().unwrap_or(0)
    }

    /// Whether two workers were ever inside at the same time, in the word of the card.
    pub fn overlap(&self) -> &'static str {
        if self.peak() > 1 { "overlapped" } else { "serialized" }
    }

    /// The order in which the workers came in, in the word of the card.
    pub fn order(&self) -> &'static str {
        let starts = self.history.iter().filter_map(|event| match event {
            Event::Start(number) => Some(*number),
            Event::End(_) => None,
        });
        if starts.is_sorted() { "arrival" } else { "other" }
    }
}

/// The workers that have started and not ended, in the order in which they started.
fn inside(history: &[Event]) -> Vec<usize> {
    let mut inside = Vec::new();
    for event in history {
        match *event {
            Event::Start(number) => inside.push(number),
            Event::End(number) => inside.retain(|other| *other != number),
        }
    }
    inside
}

/// Reads a line such as `start 3`.
fn event(line: &str) -> Result<Event, Unable> {
    let (what, number) = line.split_once(' ').unwrap_or_default();
    match (what, number.parse()) {
        ("start", Ok(number)) => Ok(Event::Start(number)),
        ("end", Ok(number)) => Ok(Event::End(number)),
        _ => Err(Unable::Unmeasured(format!("a worker wrote `{line}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::Event::{End, Start};
    use super::*;

    fn served(history: &[Event]) -> Served {
        let now = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let last = crate::sandbox::Command::new("true", now).run().unwrap();
        Served { history: history.to_owned(), last }
    }

    #[test]
    fn workers_that_follow_each_other_never_overlap() {
        let served = served(&[Start(0), End(0), Start(1), End(1)]);
        assert_eq!((served.peak(), served.overlap(), served.order()), (1, "serialized", "arrival"));
    }

    #[test]
    fn a_start_before_the_other_has_ended_is_an_overlap() {
        let served_at_once = served(&[Start(0), Start(1), End(0), End(1)]);
        assert_eq!((served_at_once.peak(), served_at_once.overlap()), (2, "overlapped"));
        assert_eq!(served(&[Start(0), End(0), Start(1), Start(2), End(1), End(2)]).peak(), 2);
    }

    #[test]
    fn who_is_let_in_before_an_earlier_arrival_breaks_the_order() {
        let served = served(&[Start(0), End(0), Start(2), End(2), Start(1), End(1)]);
        assert_eq!((served.overlap(), served.order()), ("serialized", "other"));
    }

    #[test]
    fn a_line_of_anything_else_is_no_event() {
        assert!(matches!(event("end 12"), Ok(End(12))));
        for line in ["", "start", "start x", "stop 1"] {
            assert!(event(line).is_err(), "{line}");
        }
    }
}
