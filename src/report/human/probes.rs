use std::fmt::Write as _;

use colored::Colorize;

use super::closing::{push_closing, push_notes};
use super::header::push_header;
use crate::judge::Verdict;
use crate::report::cause::{CauseGroup, shown_reason};
use crate::report::details::{LOOK, evidence_lines, finding_line};
use crate::report::layout::Detail;
use crate::report::model::{ProbeReport, Report};
use crate::report::verdict_style::{mark, paint};
use crate::text::sanitize::{one_line, printable};
use crate::text::wrap::{columns, push_wrapped};

/// The columns that a summary needs to be beside its id.
const NARROWEST_SUMMARY: usize = 36;
/// The indentation of the lines below a probe's first one.
const INDENT: &str = "      ";

/// Formats every probe, by group: what it measured, and for what is not fine, why and what to do.
pub(super) fn render(report: &Report, detail: Detail, width: usize) -> String {
    let mut text = String::new();
    push_header(&mut text, report, width);
    let (skipped, measured): (Vec<_>, Vec<_>) =
        report.probes.iter().partition(|probe| probe.verdict == Verdict::Skipped);
    let id_width = measured.iter().map(|probe| probe.id.len()).max().unwrap_or(0);
    let mut group = "";
    for probe in measured {
        if probe.group != group {
            group = &probe.group;
            let _ = writeln!(text, "\n{}", group.bold());
        }
        push_probe(&mut text, probe, detail, id_width, width);
    }
    if !skipped.is_empty() {
        let _ = writeln!(text, "\n{}", "skipped".bold());
    }
    for group in CauseGroup::all(report, Verdict::Skipped) {
        let line = format!("{} {}", mark(Verdict::Skipped), group.ids());
        push_wrapped(&mut text, &line, "  ", "    ", width);
        push_wrapped(&mut text, &group.reason(), INDENT, INDENT, width);
    }
    if report.notes().next().is_some() {
        text.push('\n');
    }
    push_notes(&mut text, report, width);
    push_closing(&mut text, report, |_| true, width);
    text
}

fn push_probe(
    text: &mut String,
    probe: &ProbeReport,
    detail: Detail,
    id_width: usize,
    width: usize,
) {
    push_title(text, probe, id_width, width);
    for finding in &probe.findings {
        push_wrapped(text, &one_line(&finding_line(finding)), INDENT, INDENT, width);
        if finding.verdict.is_change() && detail < Detail::Evidence {
            for evidence in evidence_lines(probe, &finding.fact) {
                push_wrapped(text, &format!("measured by: {evidence}"), INDENT, "        ", width);
            }
        }
    }
    if let Some(workaround) = &probe.workaround {
        push_dimmed(text, &one_line(workaround), width);
    }
    if !probe.findings.is_empty() {
        for command in &probe.look {
            let _ = writeln!(text, "{INDENT}{} {}", LOOK.dimmed(), printable(command));
        }
        for command in &probe.fix {
            let _ = writeln!(text, "{INDENT}{} {}", "$".dimmed(), printable(command).bold());
        }
    }
    if detail >= Detail::Evidence {
        for (fact, value) in &probe.facts {
            push_wrapped(text, &one_line(&format!("{fact} = {value}")), INDENT, "        ", width);
            for evidence in evidence_lines(probe, fact) {
                push_wrapped(
                    text,
                    &format!("measured by: {evidence}"),
                    "        ",
                    "          ",
                    width,
                );
            }
        }
    }
}

fn push_title(text: &mut String, probe: &ProbeReport, id_width: usize, width: usize) {
    let mut summary = shown_reason(&probe.summary);
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
}

fn push_dimmed(text: &mut String, line: &str, width: usize) {
    let mut plain = String::new();
    push_wrapped(&mut plain, line, INDENT, INDENT, width);
    for line in plain.lines() {
        let _ = writeln!(text, "{}", line.dimmed());
    }
}
