use std::fmt::Write as _;

use super::details::{command_lines, counts_line, finding_line};
use super::model::{ProbeReport, Report};
use super::test_status::{TestStatus, worst_first};
use crate::judge::Verdict;
use crate::text::sanitize::printable;

/// Formats a report as annotations of GitHub Actions, the worst first: GitHub shows ten of a level.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for probe in worst_first(report) {
        if let Some(level) = level(probe, report) {
            let title = format!("doctor: {} {}", probe.id, probe.verdict);
            let _ =
                writeln!(text, "::{level} title={}::{}", property(&title), data(&message(probe)));
        }
    }
    for note in report.notes() {
        let _ = writeln!(
            text,
            "::notice title={}::{}",
            property("doctor: note"),
            data(&printable(&note))
        );
    }
    let _ = writeln!(text, "doctor: {}", counts_line(report));
    text
}

/// Returns the level of an annotation: what fails the step is an error.
fn level(probe: &ProbeReport, report: &Report) -> Option<&'static str> {
    match (TestStatus::of(probe, report), probe.verdict) {
        (TestStatus::Failed | TestStatus::Unmeasured, _) => Some("error"),
        (_, Verdict::Fail | Verdict::Warn | Verdict::Regressed) => Some("warning"),
        (_, Verdict::Relaxable) => Some("notice"),
        (
            _,
            Verdict::Known | Verdict::Waived | Verdict::Ok | Verdict::Skipped | Verdict::Unmeasured,
        ) => None,
    }
}

fn message(probe: &ProbeReport) -> String {
    let mut lines = vec![probe.summary.clone()];
    lines.extend(probe.findings.iter().map(finding_line));
    lines.extend(command_lines(probe));
    lines.push(format!("More: doctor explain {}", probe.id));
    printable(&lines.join("\n")).into_owned()
}

/// Escapes a command's message as actions/toolkit does (`escapeData` in core/src/command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes the value of a command's property (`escapeProperty` there).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
