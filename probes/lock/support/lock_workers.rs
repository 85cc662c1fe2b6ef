use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::exec::{Child, Output, SharedPipe};
use crate::fact_values;
use crate::host::waits_for_flock;
use crate::sandbox::{NotMeasured, ProbeContext};

/// How a worker takes the lock at the path `$1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LockMethod {
    /// `exec 9>FILE; flock 9`.
    File,
    /// The same on a directory, which is opened for reading.
    Directory,
    /// On a file whose inode is compared with the path's once it is locked.
    CheckedFile,
    /// The worker opens the file and does not lock it.
    None,
}

impl LockMethod {
    fn script(self) -> &'static str {
        match self {
            Self::File => r#"exec 9>"$1"; flock 9"#,
            Self::Directory => r#"exec 9<"$1"; flock 9"#,
            Self::CheckedFile => {
                r#"until exec 9>"$1"; flock 9; [ "$1" -ef /proc/self/fd/9 ]; do :; done"#
            }
            Self::None => r#"exec 9>"$1""#,
        }
    }
}

/// The pause between two looks at whether a worker waits in flock(2). Looking costs processor time.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// The critical section: from `start` to `end`, which a line of input ends. The lock is released when
/// the process exits, directly after `end`.
const CRITICAL_SECTION: &str = r#"; echo "start $2"; read -r go; echo "end $2""#;

/// Workers that arrive at one lock, one after another.
pub(crate) struct LockWorkers<'a> {
    context: &'a ProbeContext<'a>,
    lock: PathBuf,
    method: LockMethod,
    output: SharedPipe,
    workers: Vec<Child>,
    arrived: usize,
    events: Vec<Event>,
}

/// What a worker wrote into the shared pipe. Workers are numbered in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Start(usize),
    End(usize),
}

/// The events at a lock, and how the worker that arrived last ended.
pub(crate) struct ContentionLog {
    pub(crate) events: Vec<Event>,
    pub(crate) last: Output,
}

fact_values! {
    /// Whether two workers were ever in the critical section at once.
    pub(crate) enum Overlap {
        Serialized = "serialized",
        Overlapped = "overlapped",
    }
}

fact_values! {
    /// The order in which waiting workers got the lock.
    pub(crate) enum LockOrder {
        Arrival = "arrival",
        Other = "other",
    }
}

impl<'a> LockWorkers<'a> {
    /// Prepares the lock `lock`, which every worker will take by the same method.
    ///
    /// # Errors
    /// When the kernel refuses a pipe.
    pub(crate) fn new(
        context: &'a ProbeContext<'a>,
        lock: PathBuf,
        method: LockMethod,
    ) -> Result<Self, NotMeasured> {
        let output = SharedPipe::new()?;
        let (workers, events) = (Vec::new(), Vec::new());
        Ok(Self { context, lock, method, output, workers, arrived: 0, events })
    }

    /// Starts one more worker.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(&mut self) -> Result<(), NotMeasured> {
        let number = self.workers.len().to_string();
        let script = format!("{}{CRITICAL_SECTION}", self.method.script());
        let command = self.context.command("sh").args(["-c", &script, "sh"]);
        let command = command.arg(&self.lock).arg(number).piped_stdin().stdout_to(&self.output)?;
        self.workers.push(command.start()?);
        Ok(())
    }

    /// Waits until each worker is in its critical section or waits for the lock.
    ///
    /// # Errors
    /// When one exits first, or is in neither state at the deadline.
    pub(crate) fn wait_for_arrivals(&mut self) -> Result<(), NotMeasured> {
        while self.arrived < self.workers.len() {
            while self.read_event(Instant::now())? {}
            if self.has_arrived(self.arrived) {
                self.arrived += 1;
                continue;
            }
            let is_late = Instant::now() >= self.context.deadline();
            if is_late || self.workers[self.arrived].has_exited() {
                // At the deadline this kills the worker and reports that.
                let run = self.workers.swap_remove(self.arrived).wait()?;
                return Err(NotMeasured::Unmeasured(format!(
                    "a worker exited before it reached the lock: {}",
                    run.error_summary()
                )));
            }
            // The kernel sends no event when a process begins to sleep in flock(2).
            self.read_event(Instant::now() + POLL_INTERVAL)?;
        }
        Ok(())
    }

    /// Ends the critical section of the worker that is in it longest, and waits for its `end`.
    ///
    /// # Errors
    /// When no worker enters its critical section, or the worker does not leave it, by the deadline.
    pub(crate) fn release_next(&mut self) -> Result<(), NotMeasured> {
        let number = self.wait_for_holder()?;
        // A worker that has exited does not read: then its `end` is missing, and the deadline ends this.
        let _ = self.workers[number].write(b"\n");
        while !self.events.contains(&Event::End(number)) {
            self.require_event()?;
        }
        Ok(())
    }

    /// Waits until a worker is in its critical section. Returns the number of the one that is in it
    /// longest.
    ///
    /// # Errors
    /// When none is at the deadline.
    pub(crate) fn wait_for_holder(&mut self) -> Result<usize, NotMeasured> {
        loop {
            match holders(&self.events).first() {
                Some(&number) => return Ok(number),
                None => self.require_event()?,
            }
        }
    }

    /// Releases worker after worker until all have ended.
    ///
    /// # Errors
    /// When one neither enters nor leaves its critical section by the deadline.
    pub(crate) fn finish(mut self) -> Result<ContentionLog, NotMeasured> {
        while self.events.len() < 2 * self.workers.len() {
            self.release_next()?;
        }
        let mut last = None;
        for worker in self.workers {
            last = Some(worker.wait()?);
        }
        let last = last.ok_or_else(|| NotMeasured::Unmeasured("no worker was started".into()))?;
        Ok(ContentionLog { events: self.events, last })
    }

    fn has_arrived(&self, number: usize) -> bool {
        self.events.contains(&Event::Start(number))
            || self.workers[number].tree().into_iter().any(waits_for_flock)
    }

    fn require_event(&mut self) -> Result<(), NotMeasured> {
        if self.read_event(self.context.deadline())? {
            return Ok(());
        }
        Err(NotMeasured::Unmeasured("a worker made no progress by the deadline".into()))
    }

    /// Appends the next line to the events. Returns whether one arrived by `deadline`.
    fn read_event(&mut self, deadline: Instant) -> Result<bool, NotMeasured> {
        let Some(line) = self.output.next_line(deadline)? else { return Ok(false) };
        self.events.push(parse_event(&line)?);
        Ok(true)
    }
}

impl ContentionLog {
    /// Returns the highest number of workers that were in the critical section at once.
    pub(crate) fn peak(&self) -> usize {
        (0..=self.events.len()).map(|end| holders(&self.events[..end]).len()).max().unwrap_or(0)
    }

    pub(crate) fn overlap(&self) -> Overlap {
        if self.peak() > 1 { Overlap::Overlapped } else { Overlap::Serialized }
    }

    pub(crate) fn order(&self) -> LockOrder {
        let starts = self.events.iter().filter_map(|event| match event {
            Event::Start(number) => Some(*number),
            Event::End(_) => None,
        });
        if starts.is_sorted() { LockOrder::Arrival } else { LockOrder::Other }
    }
}

/// Returns the workers that have started and not ended, in the order in which they started.
fn holders(events: &[Event]) -> Vec<usize> {
    let mut holders = Vec::new();
    for event in events {
        match *event {
            Event::Start(number) => holders.push(number),
            Event::End(number) => holders.retain(|other| *other != number),
        }
    }
    holders
}

/// Parses a line such as `start 3`.
fn parse_event(line: &str) -> Result<Event, NotMeasured> {
    let (name, number) = line.split_once(' ').unwrap_or_default();
    match (name, number.parse()) {
        ("start", Ok(number)) => Ok(Event::Start(number)),
        ("end", Ok(number)) => Ok(Event::End(number)),
        _ => Err(NotMeasured::Unmeasured(format!("a worker wrote `{line}`"))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Event::{End, Start};
    use super::*;

    /// Returns a log with these events, of a worker that succeeded.
    pub(crate) fn log_of(events: &[Event]) -> ContentionLog {
        let deadline = Instant::now() + Duration::from_secs(5);
        let last = crate::exec::Command::new("true", deadline).run().unwrap();
        ContentionLog { events: events.to_owned(), last }
    }

    #[test]
    fn workers_in_sequence_do_not_overlap() {
        let log = log_of(&[Start(0), End(0), Start(1), End(1)]);
        assert_eq!(log.peak(), 1);
        assert_eq!((log.overlap(), log.order()), (Overlap::Serialized, LockOrder::Arrival));
    }

    #[test]
    fn a_start_before_the_end_of_the_other_is_an_overlap() {
        let log = log_of(&[Start(0), Start(1), End(0), End(1)]);
        assert_eq!((log.peak(), log.overlap()), (2, Overlap::Overlapped));
        assert_eq!(log_of(&[Start(0), End(0), Start(1), Start(2), End(1), End(2)]).peak(), 2);
    }

    #[test]
    fn a_worker_that_overtakes_breaks_the_order() {
        let log = log_of(&[Start(0), End(0), Start(2), End(2), Start(1), End(1)]);
        assert_eq!((log.overlap(), log.order()), (Overlap::Serialized, LockOrder::Other));
    }

    #[test]
    fn any_other_line_is_an_error() {
        assert!(matches!(parse_event("end 12"), Ok(End(12))));
        for line in ["", "start", "start x", "stop 1"] {
            assert!(parse_event(line).is_err(), "{line}");
        }
    }
}
