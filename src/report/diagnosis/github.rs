use std::fmt::Write as _;

use super::{times, what_was_read};
use crate::diagnose::Diagnosis;
use crate::text::sanitize::one_line;

/// Returns it as annotations of GitHub Actions, with a closing line.
pub fn github(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let fix = match (finding.fix.first(), finding.look.first()) {
            (Some(fix), _) => format!(" Fix: {fix}"),
            (None, Some(look)) => format!(" Look: {look}"),
            (None, None) => String::new(),
        };
        let message = format!(
            "{} (seen {}, first on line {}): {}{fix}",
            finding.cause,
            times(finding.count),
            finding.first.line,
            finding.first.text
        );
        let (title, message) = (property(&finding.mode), data(&one_line(&message)));
        let _ = writeln!(text, "::error title={title}::{message}");
    }
    let count = match diagnosis.findings.len() {
        1 => "1 known failure".to_owned(),
        count => format!("{count} known failures"),
    };
    let _ = writeln!(text, "doctor: {count} in {}", one_line(&what_was_read(diagnosis)));
    text
}

/// Escapes the message of an annotation (actions/toolkit, packages/core/src/command.ts, `escapeData`).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of an annotation (the same file, `escapeProperty`).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
