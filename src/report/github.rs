use std::fmt::Write as _;

use super::details::{counts_line, finding_line};
use super::model::{ProbeReport, Report};
use super::printable::printable;
use super::standing::{Standing, worst_first};
use crate::judge::Verdict;

/// The report as annotations of GitHub Actions, the worst first: GitHub shows ten of a level.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for probe in worst_first(report) {
        if let Some(level) = level(probe, report) {
            let title = format!("doctor: {} {}", probe.id, probe.verdict);
            let _ =
                writeln!(text, "::{level} title={}::{}", property(&title), data(&message(probe)));
        }
    }
    for note in report.policy.notes() {
        let _ = writeln!(
            text,
            "::notice title={}::{}",
            property("doctor: policy"),
            data(&printable(&note))
        );
    }
    let _ = writeln!(text, "doctor: {}", counts_line(report));
    text
}

/// What fails the step is an error.
fn level(probe: &ProbeReport, report: &Report) -> Option<&'static str> {
    match (Standing::of(probe, report), probe.verdict) {
        (Standing::Failed | Standing::Unmeasured, _) => Some("error"),
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
    lines.extend(probe.fix.iter().map(|command| format!("$ {command}")));
    lines.push(format!("More: doctor explain {}", probe.id));
    printable(&lines.join("\n")).into_owned()
}

/// A command's message, as actions/toolkit escapes it (`escapeData` in core/src/command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a command's property (`escapeProperty` there).
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
