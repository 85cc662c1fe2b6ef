use std::fmt::Write as _;

use super::details::{command_line, counts_line, finding_line, host_line, how_ended};
use super::model::{ProbeReport, Report};
use super::printable::one_line;
use super::standing::Standing;
use super::yaml::Block;
use crate::exit::FailOn;
use crate::judge::Verdict;

/// The report in the Test Anything Protocol, version 14.
///
/// `# TODO` is TAP's word for a trouble that is expected: `not ok` with it fails no run, and `ok`
/// with it is news. So a known trouble, an accepted finding and one that `--fail-on` does not count
/// are `not ok` with it, and a trouble that is gone is `ok` with it.
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
        let _ = writeln!(text, "# removed what {} had left behind", one_line(run));
    }
    for note in report.policy.notes() {
        let _ = writeln!(text, "# policy: {}", one_line(&note));
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
    match Standing::of(probe, report) {
        Standing::Failed | Standing::Unmeasured => ("not ok", String::new()),
        Standing::Skipped => ("ok", format!(" # SKIP {}", one_line(&probe.summary))),
        Standing::Passed => match probe.verdict {
            Verdict::Known => {
                ("not ok", todo(probe.workaround.as_deref().unwrap_or("a known trouble")))
            }
            Verdict::Waived => {
                let accepted = probe.findings.first().map_or("waived", |it| it.text.as_str());
                ("not ok", todo(accepted))
            }
            Verdict::Relaxable => ("ok", todo("relaxable: a recorded trouble is gone")),
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

/// A description, in which `#` would begin a directive.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}
