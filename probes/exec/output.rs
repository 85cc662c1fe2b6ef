use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// How many bytes of standard error, and of each argument, go into an evidence line.
pub(crate) const EVIDENCE_LIMIT: usize = 2000;

/// The result of a command that has exited.
#[derive(Debug, Clone)]
pub struct Output {
    pub(crate) argv: Vec<String>,
    pub(crate) status: ExitStatus,
    /// The captured standard output: the first 64 KiB, or what [`super::Command::capture_limit`] says.
    pub stdout: Vec<u8>,
    /// The captured standard error, with the same limit.
    pub stderr: Vec<u8>,
    /// The time from the start to the exit.
    pub elapsed: Duration,
}

impl Output {
    /// Reports whether the command exited with status 0.
    pub fn success(&self) -> bool {
        self.status.success()
    }

    /// Returns the exit status; `None` if a signal ended the command.
    pub fn exit(&self) -> Option<i32> {
        self.status.code()
    }

    /// Returns the number of the signal that ended the command; `None` if it exited.
    pub fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// Describes the exit for a sentence: `exit status 1`, `signal 9`.
    pub fn exit_description(&self) -> String {
        match (self.exit(), self.signal()) {
            (Some(status), _) => format!("exit status {status}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "an unknown exit".into(),
        }
    }

    /// Describes an error for a sentence: the message on standard error, or the exit without one.
    pub fn error_summary(&self) -> String {
        match self.stderr_text() {
            errors if errors.is_empty() => format!("{} and no message", self.exit_description()),
            errors => errors,
        }
    }

    /// Returns the standard output as text, without trailing white space.
    pub fn stdout_text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end().to_owned()
    }

    /// Returns the standard error as text, without trailing white space.
    pub fn stderr_text(&self) -> String {
        String::from_utf8_lossy(&self.stderr).trim_end().to_owned()
    }

    /// Returns the command as typed in a shell, with changes to the environment as env(1) makes them.
    pub fn argv(&self) -> &[String] {
        &self.argv
    }
}

/// Truncates a text to [`EVIDENCE_LIMIT`] bytes.
pub(crate) fn truncate(text: &str) -> String {
    let mut end = EVIDENCE_LIMIT.min(text.len());
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
    use crate::exec::Command;

    fn sh(script: &str) -> Output {
        let deadline = Instant::now() + Duration::from_secs(10);
        Command::new("sh", deadline).args(["-c", script]).run().unwrap()
    }

    #[test]
    fn an_exit_is_described_by_its_status_or_signal() {
        assert_eq!(sh("exit 3").exit_description(), "exit status 3");
        assert_eq!(sh("kill -9 $$").exit_description(), "signal 9");
    }

    #[test]
    fn only_a_text_over_the_limit_is_truncated_between_characters() {
        assert_eq!(truncate(&"x".repeat(EVIDENCE_LIMIT)), "x".repeat(EVIDENCE_LIMIT));
        let cut = truncate(&format!("{}é", "x".repeat(EVIDENCE_LIMIT - 1)));
        assert_eq!(cut, format!("{}…", "x".repeat(EVIDENCE_LIMIT - 1)));
    }
}
