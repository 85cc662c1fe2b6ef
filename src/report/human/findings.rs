use std::fmt::Write as _;

use colored::Colorize;
use textwrap::core::display_width;

use super::closing::{push_closing, push_notes};
use super::header::push_header;
use crate::judge::{Kind, Verdict};
use crate::report::cause::{Cause, CauseGroup, shown_reason};
use crate::report::details::{LOOK, evidence_lines, finding_line};
use crate::report::model::{ProbeReport, Report};
use crate::report::test_status::worst_first;
use crate::report::verdict_style::{mark, paint};
use crate::text::sanitize::{one_line, printable};
use crate::text::wrap::{columns, push_wrapped};

/// The columns that a summary needs to be beside its id.
const NARROWEST_SUMMARY: usize = 36;
/// What is between two counts in one line.
const GAP: &str = "      ";
/// The indentation of the lines below a finding's first one.
const INDENT: &str = "    ";

/// Formats what a person acts on: each finding with its consequence and its fix, the worst first; the number of
/// probes without one; and what could not be measured, by cause.
pub(super) fn render(report: &Report, width: usize) -> String {
    let mut text = String::new();
    push_header(&mut text, report, width);
    text.push('\n');
    let findings: Vec<&ProbeReport> =
        worst_first(report).into_iter().filter(|probe| is_shown(probe.verdict)).collect();
    let id_width = findings.iter().map(|probe| probe.id.len()).max().unwrap_or(0);
    for probe in findings {
        push_finding(&mut text, probe, id_width, width);
    }
    push_counts(&mut text, report, width);
    push_without_answer(&mut text, report, width);
    push_notes(&mut text, report, width);
    let is_counted = |verdict| is_shown(verdict) || verdict == Verdict::Unmeasured;
    push_closing(&mut text, report, is_counted, width);
    text
}

fn is_shown(verdict: Verdict) -> bool {
    verdict.is_finding() || verdict.is_change() || verdict == Verdict::Waived
}

/// Appends what is wrong, what that causes, what shows more, what fixes it, and where to read more.
fn push_finding(text: &mut String, probe: &ProbeReport, id_width: usize, width: usize) {
    push_title(text, probe, id_width, width);
    for finding in &probe.findings {
        let line = finding_line(finding);
        let consequence = without_repetition(&line, &probe.summary);
        push_wrapped(text, &one_line(consequence), INDENT, INDENT, width);
        if finding.verdict.is_change() {
            for evidence in evidence_lines(probe, &finding.fact) {
                push_wrapped(text, &format!("measured by: {evidence}"), INDENT, "      ", width);
            }
        }
    }
    if probe.verdict == Verdict::Waived {
        return;
    }
    for command in &probe.look {
        let _ = writeln!(text, "{INDENT}{} {}", LOOK.dimmed(), printable(command));
    }
    let more = format!("doctor explain {}", probe.id);
    let Some((first, others)) = probe.fix.split_first() else {
        let _ = writeln!(text, "{INDENT}{}", more.dimmed());
        return;
    };
    let first = printable(first);
    let room = columns(width).saturating_sub(INDENT.len() + 2 + display_width(&first));
    let _ = write!(text, "{INDENT}{} {}", "$".dimmed(), first.bold());
    if others.is_empty() && room >= more.len() + 2 && !first.contains('\n') {
        let gap = " ".repeat(room - more.len());
        let _ = writeln!(text, "{gap}{}", more.dimmed());
        return;
    }
    text.push('\n');
    for command in others {
        let _ = writeln!(text, "{INDENT}{} {}", "$".dimmed(), printable(command).bold());
    }
    let _ = writeln!(text, "{INDENT}{}", more.dimmed());
}

/// Returns a text without its first sentence if that says what the summary says.
fn without_repetition<'a>(text: &'a str, summary: &str) -> &'a str {
    let Some((first, rest)) = text.split_once(". ") else { return text };
    let clause = summary.split(';').next().unwrap_or_default();
    if first.eq_ignore_ascii_case(clause.trim()) { rest } else { text }
}

fn push_title(text: &mut String, probe: &ProbeReport, id_width: usize, width: usize) {
    let summary = shown_reason(&probe.summary);
    let id = paint(&format!("{:id_width$}", probe.id), probe.verdict).bold();
    let first = format!("{} {id}  ", mark(probe.verdict));
    let indent = " ".repeat(2 + id_width + 2);
    if indent.len() + NARROWEST_SUMMARY > columns(width) {
        let _ = writeln!(text, "{}", first.trim_end());
        push_wrapped(text, &summary, INDENT, INDENT, width);
    } else {
        push_wrapped(text, &summary, &first, &indent, width);
    }
}

/// Appends the number of probes that are fine, and of known problems: one line if it is wide enough.
fn push_counts(text: &mut String, report: &Report, width: usize) {
    let passed = passed_line(report).map(|line| format!("{} {line}", mark(Verdict::Ok)));
    let known = known_lines(report.count(Verdict::Known))
        .map(|lines| lines.map(|line| format!("{} {line}", mark(Verdict::Known))));
    let fits = |line: &&String| display_width(line) <= columns(width);
    match (passed, known) {
        (Some(passed), Some(known)) => {
            let both = format!("{passed}{GAP}{}", known[0]);
            if fits(&&both) {
                let _ = writeln!(text, "{both}");
            } else {
                push_wrapped(text, &passed, "", "  ", width);
                push_wrapped(text, known.iter().find(fits).unwrap_or(&known[2]), "", "  ", width);
            }
        }
        (Some(passed), None) => push_wrapped(text, &passed, "", "  ", width),
        (None, Some(known)) => {
            push_wrapped(text, known.iter().find(fits).unwrap_or(&known[2]), "", "  ", width);
        }
        (None, None) => {}
    }
    let newer = report.probes.iter().filter(|probe| probe.extrapolated).count();
    if newer > 0 {
        let line = format!(
            "{newer} judged by the newest record, which is older than the versions of this host"
        );
        push_wrapped(text, &line, "  ", "  ", width);
    }
}

fn passed_line(report: &Report) -> Option<String> {
    let count = |kind| {
        let ok = report.probes.iter().filter(|probe| probe.verdict == Verdict::Ok);
        ok.filter(|probe| probe.kind == kind).count()
    };
    let noun = |count, one: &str| if count == 1 { one.to_owned() } else { format!("{one}s") };
    let (checks, behaviours) = (count(Kind::Check), count(Kind::Pin));
    match (checks, behaviours) {
        (0, 0) => None,
        (checks, 0) => Some(format!("{checks} {} passed", noun(checks, "check"))),
        (0, behaviours) => {
            Some(format!("{behaviours} {} as recorded", noun(behaviours, "behaviour")))
        }
        (checks, behaviours) => Some(format!(
            "{checks} {} passed, {behaviours} {} as recorded",
            noun(checks, "check"),
            noun(behaviours, "behaviour")
        )),
    }
}

/// Says how many known problems there are, in three lengths.
fn known_lines(count: usize) -> Option<[String; 3]> {
    let (noun, verb) = match count {
        0 => return None,
        1 => ("behaviour", "needs its"),
        _ => ("behaviours", "need their"),
    };
    let more = "(doctor check --verbose)";
    Some([
        format!("{count} known {noun} of these versions {verb} workaround {more}"),
        format!("{count} known {noun} {verb} workaround {more}"),
        format!("{count} known {noun} {more}"),
    ])
}

/// Appends a line for each cause for which probes gave no answer. What the user did not ask for shares a line.
fn push_without_answer(text: &mut String, report: &Report, width: usize) {
    for verdict in [Verdict::Unmeasured, Verdict::Skipped] {
        let (not_asked, others): (Vec<_>, Vec<_>) = CauseGroup::all(report, verdict)
            .into_iter()
            .partition(|group| matches!(group.cause, Cause::NotAsked(_)));
        for group in others {
            let line = format!("{} {}", mark(verdict), group.line());
            push_wrapped(text, &line, "", "  ", width);
        }
        let count: usize = not_asked.iter().map(|group| group.probes.len()).sum();
        if count > 0 {
            let labels = not_asked.iter().filter_map(|group| match group.cause {
                Cause::NotAsked(label) => Some(label),
                _ => None,
            });
            let labels = labels.collect::<Vec<_>>().join(", ");
            let line = format!("{} {count} {verdict}: {labels}", mark(verdict));
            push_wrapped(text, &line, "", "  ", width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_that_repeats_the_summary_is_left_out() {
        let summary = "lingering is disabled for bob; bob may enable it";
        let text = "Lingering is disabled for bob. Agents end.";
        assert_eq!(without_repetition(text, summary), "Agents end.");
        assert_eq!(without_repetition("Agents end. They do.", summary), "Agents end. They do.");
        assert_eq!(
            without_repetition("Lingering is disabled for bob.", summary),
            "Lingering is disabled for bob."
        );
    }
}
