use std::fmt::Write as _;

use launch_probes::Evidence;

use super::details::{command_line, counts_line, finding_line, host_line, how_ended};
use super::model::{ProbeReport, Report};
use super::printable::{one_line, printable};
use super::standing::worst_first;
use crate::judge::Verdict;

/// The report as a page in GitHub's Markdown, the worst first: a table of all probes, and below it
/// what is wrong with each that is not fine, what to do, and how it was measured.
pub(super) fn render(report: &Report) -> String {
    let probes = worst_first(report);
    let mut text = format!("## doctor: {}\n\n", inline(&counts_line(report)));
    let _ = writeln!(text, "On {}.\n", inline(&host_line(&report.host)));
    for run in &report.swept {
        let _ = writeln!(text, "Removed what {} had left behind.\n", inline(run));
    }
    for note in report.policy.notes() {
        let _ = writeln!(text, "Policy: {}.\n", inline(&note));
    }
    if !probes.is_empty() {
        text.push_str("| verdict | probe | what was measured |\n| --- | --- | --- |\n");
    }
    for probe in &probes {
        let Row { verdict, id, summary } = row(probe);
        let _ = writeln!(text, "| {verdict} | {id} | {summary} |");
    }
    for probe in probes {
        push_section(&mut text, probe);
    }
    text
}

struct Row {
    verdict: String,
    id: String,
    summary: String,
}

fn row(probe: &ProbeReport) -> Row {
    let newer = if probe.extrapolated { " (newer than every record)" } else { "" };
    Row {
        verdict: match probe.verdict {
            verdict @ (Verdict::Ok | Verdict::Known | Verdict::Waived | Verdict::Skipped) => {
                verdict.to_string()
            }
            verdict => format!("**{verdict}**"),
        },
        id: code_span(&probe.id),
        summary: format!("{}{newer}", inline(&probe.summary)),
    }
}

/// What is wrong with a probe, what to do, how it was measured; nothing for what is fine.
fn push_section(text: &mut String, probe: &ProbeReport) {
    if matches!(probe.verdict, Verdict::Ok | Verdict::Skipped) {
        return;
    }
    let heading = (code_span(&probe.id), probe.verdict, inline(&probe.title));
    let _ = writeln!(text, "\n### {} ({}): {}", heading.0, heading.1, heading.2);
    let findings = probe.findings.iter().map(finding_line);
    for (index, line) in findings.chain(probe.workaround.clone()).enumerate() {
        let gap = if index == 0 { "\n" } else { "" };
        let _ = writeln!(text, "{gap}- {}", inline(&line));
    }
    if !probe.fix.is_empty() {
        push_block(text, "sh", &probe.fix.join("\n"));
    }
    if !probe.evidence.is_empty() {
        text.push_str("\n<details><summary>How it was measured</summary>\n");
        let told: Vec<String> = probe.evidence.iter().map(told).collect();
        push_block(text, "console", &told.join("\n"));
        text.push_str("\n</details>\n");
    }
}

fn told(evidence: &Evidence) -> String {
    let mut told =
        format!("$ {}\n# {} after {} ms", command_line(evidence), how_ended(evidence), evidence.ms);
    for line in evidence.stderr.lines() {
        let _ = write!(told, "\n{line}");
    }
    told
}

/// A fenced block; its fence is longer than any in the text (CommonMark, 4.5).
fn push_block(text: &mut String, language: &str, body: &str) {
    let fence = "`".repeat(longest_run(body).max(2) + 1);
    let _ = writeln!(text, "\n{fence}{language}\n{}\n{fence}", printable(body));
}

/// A code span, fenced likewise (CommonMark, 6.1). A table still wants its bars escaped.
fn code_span(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text in which nothing but pairs of backticks, which the cards' texts use, has a meaning.
fn inline(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escaped(&text);
    }
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| match index % 2 {
            0 => escaped(part),
            _ if part.is_empty() => "\\`\\`".into(),
            _ => code_span(part),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_[]<>|~&$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
