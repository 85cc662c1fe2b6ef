use std::time::Duration;

use super::availability::AVAILABLE;
use crate::exec::Child;
use crate::sandbox::{Measurement, NotMeasured, ProbeContext};

/// How long the manager's lines about a refused launch may take to reach a reader of the journal.
const LOG_TIMEOUT: Duration = Duration::from_secs(1);
/// How many of them are quoted. The first ones name the cause.
const LOG_LINES: usize = 2;
/// How much is quoted of a message, in characters.
const QUOTE_LIMIT: usize = 300;

/// Starts a scope once more, under a name of its own and without `--quiet`, and records what systemd-run says and what
/// the manager logs about that unit. Returns whether it is refused again.
pub(crate) fn record_refusal(
    context: &ProbeContext,
    measurement: &mut Measurement,
) -> Result<bool, NotMeasured> {
    let unit = context.unit_name("refused", "scope");
    let log = context
        .command("journalctl")
        .args(["--user", "--quiet", "--no-pager", "--output=cat", "--follow", "--lines=all"])
        .arg(format!("USER_UNIT={unit}"))
        .timeout(LOG_TIMEOUT)
        .start();
    let run = context
        .systemd_run()
        .args(["--scope", "--collect"])
        .arg(context.slice_option())
        .arg(format!("--unit={unit}"))
        .args(["--", "true"])
        .run()?;
    measurement.add_evidence(AVAILABLE.name(), &run);
    let words = run.stderr_text().lines().map(str::trim).collect::<Vec<_>>().join("; ");
    measurement.detail("words", quoted(words, "nothing"));
    let log = log.map_or_else(|_| Vec::new(), first_lines).join("; ");
    measurement.detail("log", quoted(log, "no line that this user may read"));
    Ok(!run.success())
}

fn first_lines(mut journal: Child) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < LOG_LINES {
        match journal.next_line(lines.len()) {
            Ok(Some(line)) => lines.push(line),
            Ok(None) | Err(_) => break,
        }
    }
    lines
}

fn quoted(text: String, otherwise: &str) -> String {
    match text.char_indices().nth(QUOTE_LIMIT) {
        _ if text.is_empty() => otherwise.to_owned(),
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_quoted_and_a_missing_one_is_called_missing() {
        assert_eq!(quoted("Job failed.".into(), "nothing"), "`Job failed.`");
        assert_eq!(quoted(String::new(), "nothing"), "nothing");
        assert_eq!(quoted("x".repeat(400), "").chars().count(), QUOTE_LIMIT + 3);
    }
}
