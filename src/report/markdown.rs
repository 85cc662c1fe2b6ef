use std::fmt::Write as _;

use launch_probes::Evidence;

use super::cause::CauseGroup;
use super::details::{command_line, counts_line, finding_line, host_line, how_ended};
use super::model::{ProbeReport, Report};
use super::test_status::worst_first;
use crate::judge::Verdict;
use crate::text::markdown::{code_block, code_span, inline};

/// Formats a report as a page in GitHub's Markdown: the findings, the worst first, with what fixes them; what could
/// not be measured; a table of all probes; the workarounds of known problems.
pub(super) fn render(report: &Report) -> String {
    let mut text = format!("## doctor: {}\n\n", inline(&counts_line(report)));
    let _ = writeln!(text, "On {}.\n", inline(&host_line(&report.host)));
    for run in &report.swept {
        let line = format!("Cleaned up after {run}, which had ended without doing so.");
        let _ = writeln!(text, "{}\n", inline(&line));
    }
    for note in report.notes() {
        let _ = writeln!(text, "Note: {}.\n", inline(&note));
    }
    let probes = worst_first(report);
    for probe in probes.iter().filter(|probe| !probe.findings.is_empty()) {
        push_section(&mut text, probe);
    }
    push_without_answer(&mut text, report);
    push_table(&mut text, &probes);
    for probe in probes.iter().filter(|probe| probe.verdict == Verdict::Known) {
        push_section(&mut text, probe);
    }
    text
}

/// Appends what is wrong with a probe or what is known about it, what to do, and how it was measured.
fn push_section(text: &mut String, probe: &ProbeReport) {
    let heading = (code_span(&probe.id), probe.verdict, inline(&probe.summary));
    let _ = writeln!(text, "### {} ({}): {}\n", heading.0, heading.1, heading.2);
    for line in probe.findings.iter().map(finding_line).chain(probe.workaround.clone()) {
        let _ = writeln!(text, "- {}", inline(&line));
    }
    if !probe.look.is_empty() {
        let _ = write!(text, "\nLook:\n\n{}", code_block("sh", &probe.look.join("\n")));
    }
    if !probe.fix.is_empty() {
        let _ = write!(text, "\n{}", code_block("sh", &probe.fix.join("\n")));
    }
    let explain = code_span(&format!("doctor explain {}", probe.id));
    let _ = writeln!(text, "\nMore: {explain}");
    if !probe.evidence.is_empty() {
        text.push_str("\n<details><summary>How it was measured</summary>\n");
        let commands: Vec<String> = probe.evidence.iter().map(console).collect();
        let _ = write!(text, "\n{}", code_block("console", &commands.join("\n")));
        text.push_str("\n</details>\n");
    }
    text.push('\n');
}

/// Appends why probes gave no answer: a line for each cause.
fn push_without_answer(text: &mut String, report: &Report) {
    for (verdict, heading) in [(Verdict::Unmeasured, "Not measured"), (Verdict::Skipped, "Skipped")]
    {
        let groups = CauseGroup::all(report, verdict);
        if groups.is_empty() {
            continue;
        }
        let _ = writeln!(text, "### {heading}\n");
        for group in groups {
            let _ = writeln!(text, "- {}", inline(&group.line()));
        }
        text.push('\n');
    }
}

fn push_table(text: &mut String, probes: &[&ProbeReport]) {
    if probes.is_empty() {
        return;
    }
    text.push_str(
        "### All probes\n\n| verdict | probe | what was measured |\n| --- | --- | --- |\n",
    );
    for probe in probes {
        let verdict = match probe.verdict {
            verdict @ (Verdict::Ok | Verdict::Known | Verdict::Waived | Verdict::Skipped) => {
                verdict.to_string()
            }
            verdict => format!("**{verdict}**"),
        };
        let newer = if probe.extrapolated { " (newer than every record)" } else { "" };
        let (id, summary) = (code_span(&probe.id), inline(&probe.summary));
        let _ = writeln!(text, "| {verdict} | {id} | {summary}{newer} |");
    }
    text.push('\n');
}

/// Shows a command, how it ended, and its standard error, as a console does.
fn console(evidence: &Evidence) -> String {
    let mut text =
        format!("$ {}\n# {} after {} ms", command_line(evidence), how_ended(evidence), evidence.ms);
    for line in evidence.stderr.lines() {
        let _ = write!(text, "\n{line}");
    }
    text
}
