use std::fmt::Write as _;

use super::{times, what_was_read};
use crate::diagnose::Diagnosis;
use crate::text::markdown::inline;
use crate::text::sanitize::one_line;

/// Returns it as Markdown for a ticket.
pub fn markdown(diagnosis: &Diagnosis) -> String {
    let mut text = format!("## Known failures in {}\n\n", inline(&what_was_read(diagnosis)));
    if diagnosis.findings.is_empty() {
        text.push_str("No known failure. That does not mean that the log is healthy.\n");
    } else {
        text.push_str(
            "| failure mode | seen | first line | what it means |\n| --- | --- | --- | --- |\n",
        );
    }
    for finding in &diagnosis.findings {
        let _ = writeln!(
            text,
            "| `{}` | {} | {}: {} | {} |",
            finding.mode,
            times(finding.count),
            finding.first.line,
            inline(&finding.first.text),
            inline(&finding.cause)
        );
    }
    for finding in &diagnosis.findings {
        for (label, commands) in [("look", &finding.look), ("fix", &finding.fix)] {
            if !commands.is_empty() {
                let lines: Vec<String> = commands.iter().map(|it| one_line(it)).collect();
                let heading = format!("{} ({label})", finding.mode);
                let _ = writeln!(text, "\n{heading}:\n\n```sh\n{}\n```", lines.join("\n"));
            }
        }
    }
    if diagnosis.unknown_count > 0 {
        let _ = writeln!(
            text,
            "\n{} lines look like failures that are not known.",
            diagnosis.unknown_count
        );
    }
    text
}
