use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use crate::measurement::Evidence;

/// How many bytes of standard error, and of each word of the command, go into an evidence line.
pub(crate) const QUOTED: usize = 2000;

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Completed {
    pub(super) words: Vec<String>,
    pub(super) status: ExitStatus,
    /// The first part of its standard output: 64 KiB, unless [`super::Command::keep`] says more.
    pub stdout: Vec<u8>,
    /// The first part of its standard error, likewise.
    pub stderr: Vec<u8>,
    /// From its start until its end was seen.
    pub elapsed: Duration,
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

    /// What went wrong, for a sentence: what it said, or how it ended without saying anything.
    pub fn failure(&self) -> String {
        match self.errors() {
            errors if errors.is_empty() => format!("{}, without a word", self.ending()),
            errors => errors,
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
pub(crate) fn shortened(text: &str) -> String {
    let mut end = QUOTED.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let ellipsis = if end < text.len() { "…" } else { "" };
    format!("{}{ellipsis}", &text[..end])
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::sandbox::Command;

    fn sh(script: &str) -> Completed {
        let deadline = Instant::now() + Duration::from_secs(10);
        Command::new("sh", deadline).args(["-c", script]).run().unwrap()
    }

    #[test]
    fn an_end_reads_as_a_part_of_a_sentence() {
        assert_eq!(sh("exit 3").ending(), "exit status 3");
        assert_eq!(sh("kill -9 $$").ending(), "signal 9");
    }

    #[test]
    fn only_what_is_too_long_is_shortened_and_no_letter_is_cut() {
        assert_eq!(shortened(&"x".repeat(QUOTED)), "x".repeat(QUOTED));
        let cut = shortened(&format!("{}é", "x".repeat(QUOTED - 1)));
        assert_eq!(cut, format!("{}…", "x".repeat(QUOTED - 1)));
    }
}
