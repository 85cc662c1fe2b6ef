use std::fmt::Write as _;

use super::details::{command_line, finding_line, host_line, how_ended};
use super::fold::{columns, push_wrapped};
use super::model::{ProbeReport, Report};
use super::printable::{one_line, printable};
use super::style::{mark, paint};
use crate::judge::Verdict;
use colored::Colorize;

/// The columns that a summary needs to stand beside its id.
const NARROWEST_SUMMARY: usize = 36;
/// How far the texts below a probe's line are set in, in columns.
const INDENT: &str = "      ";

/// The report for people, in lines of at most `width` columns (commands are never folded).
pub(super) fn render(report: &Report, width: usize) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, &one_line(&host_line(&report.host)), "", "  ", width);
    for run in &report.swept {
        push_wrapped(&mut text, &format!("removed what {run} had left behind"), "", "  ", width);
    }
    let (skipped, measured): (Vec<_>, Vec<_>) =
        report.probes.iter().partition(|probe| probe.verdict == Verdict::Skipped);
    let id_width = measured.iter().map(|probe| probe.id.len()).max().unwrap_or(0);
    let mut group = "";
    for probe in measured {
        if probe.group != group {
            group = &probe.group;
            let _ = writeln!(text, "\n{}", group.bold());
        }
        push_probe(&mut text, probe, id_width, width);
    }
    push_skipped(&mut text, &skipped, width);
    let notes: Vec<String> = report.policy.notes().collect();
    if !notes.is_empty() {
        let _ = writeln!(text, "\n{}", "policy".bold());
    }
    for note in notes {
        push_wrapped(&mut text, &one_line(&note), "  ", "    ", width);
    }
    text.push('\n');
    push_wrapped(&mut text, &closing_line(report), "", "  ", width);
    text
}

/// One line of what was measured; below it, for what is not fine, why and what to do.
fn push_probe(text: &mut String, probe: &ProbeReport, id_width: usize, width: usize) {
    let mut summary = one_line(&probe.summary);
    if probe.extrapolated {
        summary.push_str(" (newer than every record)");
    }
    if probe.attempts > 1 {
        let _ = write!(summary, " ({} attempts)", probe.attempts);
    }
    let first = format!(
        "  {} {}",
        mark(probe.verdict),
        paint(&format!("{:id_width$}  ", probe.id), probe.verdict)
    );
    let indent = " ".repeat(2 + 2 + id_width + 2);
    if indent.len() + NARROWEST_SUMMARY > columns(width) {
        let _ = writeln!(text, "{}", first.trim_end());
        push_wrapped(text, &summary, INDENT, INDENT, width);
    } else {
        push_wrapped(text, &summary, &first, &indent, width);
    }
    for finding in &probe.findings {
        push_wrapped(text, &one_line(&finding_line(finding)), INDENT, INDENT, width);
        if finding.verdict.is_change() {
            push_evidence(text, probe, &finding.fact);
        }
    }
    if let Some(workaround) = &probe.workaround {
        push_dimmed(text, &one_line(workaround), width);
    }
    if !probe.findings.is_empty() {
        for command in &probe.fix {
            let _ = writeln!(text, "{INDENT}{} {}", "$".dimmed(), printable(command).bold());
        }
    }
}

/// The commands that measured a fact, ready to paste, with how they ended.
fn push_evidence(text: &mut String, probe: &ProbeReport, fact: &str) {
    for evidence in probe.evidence.iter().filter(|evidence| evidence.fact == fact) {
        let (command, ended) = (command_line(evidence), how_ended(evidence));
        let command = printable(&command);
        let _ = writeln!(text, "{INDENT}measured by: {command}  ({ended})");
    }
}

/// What was not measured, by reason: on a bare host most probes have the same one.
fn push_skipped(text: &mut String, skipped: &[&ProbeReport], width: usize) {
    let mut reasons: Vec<&str> = Vec::new();
    for probe in skipped {
        if !reasons.contains(&probe.summary.as_str()) {
            reasons.push(&probe.summary);
        }
    }
    if !reasons.is_empty() {
        let _ = writeln!(text, "\n{}", "skipped".bold());
    }
    for reason in reasons {
        let ids: Vec<&str> = skipped
            .iter()
            .filter(|probe| probe.summary == reason)
            .map(|probe| probe.id.as_str())
            .collect();
        let line = format!("{} {}", mark(Verdict::Skipped), ids.join(", "));
        push_wrapped(text, &line, "  ", "    ", width);
        push_wrapped(text, &one_line(reason), INDENT, INDENT, width);
    }
}

fn closing_line(report: &Report) -> String {
    let counts: Vec<String> = report
        .counts()
        .map(|(verdict, count)| paint(&format!("{count} {verdict}"), verdict).to_string())
        .collect();
    let counts = if counts.is_empty() { "nothing selected".into() } else { counts.join(", ") };
    format!("{counts} in {:.2} s", report.seconds)
}

fn push_dimmed(text: &mut String, line: &str, width: usize) {
    let mut plain = String::new();
    push_wrapped(&mut plain, line, INDENT, INDENT, width);
    for line in plain.lines() {
        let _ = writeln!(text, "{}", line.dimmed());
    }
}
