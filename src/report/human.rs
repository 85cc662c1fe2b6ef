use std::fmt::Write as _;

use super::fold::{columns, push_wrapped};
use super::model::{Host, ProbeReport, Report};
use super::style::{mark, paint};
use crate::judge::{Finding, Verdict, quote};
use colored::Colorize;

/// The columns that a summary needs to stand beside its id.
const NARROWEST_SUMMARY: usize = 36;
/// How far the texts below a probe's line are set in, in columns.
const INDENT: &str = "      ";

/// The report for people, in lines of at most `width` columns (commands are never folded).
pub(super) fn render(report: &Report, width: usize) -> String {
    let mut text = String::new();
    push_wrapped(&mut text, &host_line(&report.host), "", "  ", width);
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
    text.push('\n');
    push_wrapped(&mut text, &closing_line(report), "", "  ", width);
    text
}

fn host_line(host: &Host) -> String {
    let parts = [("systemd", &host.systemd), ("tmux", &host.tmux), ("git", &host.git)];
    let mut words: Vec<String> = parts
        .into_iter()
        .map(|(name, version)| match version {
            Some(version) => format!("{name} {version}"),
            None => format!("no {name}"),
        })
        .collect();
    words.push(host.os.clone().unwrap_or_else(|| "an unnamed system".into()));
    words.push(format!("{} manager of {}", host.manager, host.user));
    words.join(", ")
}

/// One line of what was measured; below it, for what is not fine, why and what to do.
fn push_probe(text: &mut String, probe: &ProbeReport, id_width: usize, width: usize) {
    let mut summary = probe.summary.clone();
    if probe.extrapolated {
        summary.push_str(" (newer than every record)");
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
        push_wrapped(text, &finding_line(finding), INDENT, INDENT, width);
        if finding.verdict.is_change() {
            push_evidence(text, probe, &finding.fact);
        }
    }
    if let Some(workaround) = &probe.workaround {
        push_dimmed(text, workaround, width);
    }
    if !probe.findings.is_empty() {
        for command in &probe.fix {
            let _ = writeln!(text, "{INDENT}{} {}", "$".dimmed(), command.bold());
        }
    }
}

/// The commands that measured a fact, ready to paste, with how they ended.
fn push_evidence(text: &mut String, probe: &ProbeReport, fact: &str) {
    for evidence in probe.evidence.iter().filter(|evidence| evidence.fact == fact) {
        let words: Vec<String> = evidence.argv.iter().map(|word| quote(word)).collect();
        let ended = match evidence.exit {
            Some(status) => format!("exit status {status}"),
            None => "ended by a signal".into(),
        };
        let _ = writeln!(text, "{INDENT}measured by: {}  ({ended})", words.join(" "));
    }
}

fn finding_line(finding: &Finding) -> String {
    match &finding.expected {
        Some(expected) if finding.verdict.is_change() => format!(
            "{}: {} was recorded as `{expected}` and is `{}`. {}",
            finding.verdict, finding.fact, finding.measured, finding.text
        ),
        _ => finding.text.clone(),
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
        push_wrapped(text, reason, INDENT, INDENT, width);
    }
}

fn closing_line(report: &Report) -> String {
    let counts: Vec<String> = Verdict::ALL
        .into_iter()
        .filter_map(|verdict| {
            let count = *report.summary.get(&verdict).filter(|count| **count > 0)?;
            Some(paint(&format!("{count} {verdict}"), verdict).to_string())
        })
        .collect();
    format!("{} in {:.2} s", counts.join(", "), report.seconds)
}

fn push_dimmed(text: &mut String, line: &str, width: usize) {
    let mut plain = String::new();
    push_wrapped(&mut plain, line, INDENT, INDENT, width);
    for line in plain.lines() {
        let _ = writeln!(text, "{}", line.dimmed());
    }
}
