use std::fmt::Write as _;

use super::details::{command_line, counts_line, finding_line, host_line, how_ended};
use super::model::{ProbeReport, Report};
use super::test_status::TestStatus;
use super::yaml::Block;
use crate::exit::FailOn;
use crate::judge::Verdict;
use crate::text::sanitize::one_line;

/// Formats a report in the Test Anything Protocol, version 14.
///
/// `# TODO` marks a problem that is expected: `not ok` with it fails no run, and `ok` with it is news. So a known
/// problem, an accepted finding and one that `--fail-on` does not count are `not ok` with it, and a problem that is
/// fixed upstream is `ok` with it.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::from("TAP version 14\n");
    match report.probes.len() {
        0 => text.push_str("1..0 # SKIP nothing was selected\n"),
        count => {
            let _ = writeln!(text, "1..{count}");
        }
    }
    let _ = writeln!(text, "# {}", one_line(&host_line(&report.host)));
    for run in &report.swept {
        let _ = writeln!(
            text,
            "# cleaned up after {}, which had ended without doing so",
            one_line(run)
        );
    }
    for note in report.notes() {
        let _ = writeln!(text, "# note: {}", one_line(&note));
    }
    for (index, probe) in report.probes.iter().enumerate() {
        let (word, directive) = result(probe, report);
        let _ = writeln!(text, "{word} {} - {}{directive}", index + 1, escaped(&probe.id));
        text.push_str(&diagnostics(probe));
    }
    let _ = writeln!(text, "# {}", counts_line(report));
    text
}

fn result(probe: &ProbeReport, report: &Report) -> (&'static str, String) {
    let todo = |reason: &str| format!(" # TODO {}", one_line(reason));
    match TestStatus::of(probe, report) {
        TestStatus::Failed | TestStatus::Unmeasured => ("not ok", String::new()),
        TestStatus::Skipped => ("ok", format!(" # SKIP {}", one_line(&probe.summary))),
        TestStatus::Passed => match probe.verdict {
            Verdict::Known => {
                ("not ok", todo(probe.workaround.as_deref().unwrap_or("a known problem")))
            }
            Verdict::Waived => {
                let accepted = probe.findings.first().map_or("waived", |it| it.text.as_str());
                ("not ok", todo(accepted))
            }
            Verdict::Relaxable => ("ok", todo("relaxable: a recorded problem is fixed")),
            Verdict::Warn | Verdict::Fail | Verdict::Regressed => {
                ("not ok", todo(&not_counted(probe.verdict, report.fail_on)))
            }
            Verdict::Ok | Verdict::Skipped | Verdict::Unmeasured => ("ok", String::new()),
        },
    }
}

fn not_counted(verdict: Verdict, fail_on: FailOn) -> String {
    format!("{verdict}, which --fail-on {} does not count", fail_on.name())
}

fn diagnostics(probe: &ProbeReport) -> String {
    let mut block = Block::new();
    block.text("message", &probe.summary);
    block.text("verdict", probe.verdict.name());
    block.text("group", &probe.group);
    block.number("seconds", probe.seconds);
    block.list("findings", probe.findings.iter().map(finding_line));
    if let Some(workaround) = &probe.workaround {
        block.text("workaround", workaround);
    }
    block.list("look", probe.look.iter().cloned());
    block.list("fix", probe.fix.iter().cloned());
    block.map("facts", &probe.facts);
    block.map("expected", &probe.expected);
    block.list(
        "measured_by",
        probe
            .evidence
            .iter()
            .map(|evidence| format!("{}  ({})", command_line(evidence), how_ended(evidence))),
    );
    block.end()
}

/// Escapes a description, in which `#` would begin a directive.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}
