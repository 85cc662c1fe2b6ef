use colored::{ColoredString, Colorize};

use crate::judge::Verdict;

/// Returns the mark of a verdict. Marks differ in shape as well as in colour.
pub(super) fn mark(verdict: Verdict) -> ColoredString {
    match verdict {
        Verdict::Ok => "✓".green(),
        Verdict::Known => "●".cyan(),
        Verdict::Waived => "○".cyan(),
        Verdict::Warn => "!".yellow().bold(),
        Verdict::Fail => "✗".red().bold(),
        Verdict::Relaxable => "↓".magenta().bold(),
        Verdict::Regressed => "↯".magenta().bold(),
        Verdict::Skipped => "–".dimmed(),
        Verdict::Unmeasured => "?".yellow().bold(),
    }
}

/// Colours a text as its verdict.
pub(super) fn paint(text: &str, verdict: Verdict) -> ColoredString {
    match verdict {
        Verdict::Ok => text.green(),
        Verdict::Known | Verdict::Waived => text.cyan(),
        Verdict::Warn | Verdict::Unmeasured => text.yellow(),
        Verdict::Fail => text.red(),
        Verdict::Relaxable | Verdict::Regressed => text.magenta(),
        Verdict::Skipped => text.dimmed(),
    }
}
