use maud::{Markup, html};

use super::cause::CauseGroup;
use super::details::{LOOK, command_line, counts_line, finding_line, host_line, how_ended};
use super::model::{ProbeReport, Report};
use super::test_status::worst_first;
use crate::judge::Verdict;
use crate::text::page::page;
use crate::text::sanitize::{one_line, printable};

const STYLE: &str = include_str!("html.css");

/// Formats a report as one page: the findings, the worst first; what could not be measured; every probe.
pub(super) fn render(report: &Report) -> String {
    let probes = worst_first(report);
    let findings: Vec<_> = probes.iter().filter(|probe| !probe.findings.is_empty()).collect();
    let body = html! {
        header {
            h1 { (title(report)) }
            p { (one_line(&host_line(&report.host))) }
            p.quiet { (report.started.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
                ", launch-doctor " (report.doctor.version) }
        }
        main {
            @for note in report.notes() { p.note { (prose(&note)) } }
            @if findings.is_empty() { p.none { "No findings." } }
            @for probe in findings { (finding(probe)) }
            (without_answer(report))
            (all_probes(&probes))
        }
    };
    page(&title(report), STYLE, &body)
}

fn title(report: &Report) -> String {
    one_line(&format!("doctor: {}", counts_line(report)))
}

fn finding(probe: &ProbeReport) -> Markup {
    html! {
        section class={ "finding " (probe.verdict.name()) } {
            h2 { (badge(probe.verdict)) " " code { (one_line(&probe.id)) } " " (prose(&probe.summary)) }
            @for finding in &probe.findings { p { (prose(&finding_line(finding))) } }
            @if !probe.look.is_empty() { pre { @for line in &probe.look { (LOOK) " " (printable(line)) "\n" } } }
            @if !probe.fix.is_empty() { pre.fix { (printable(&probe.fix.join("\n"))) } }
            p.quiet { code { "doctor explain " (one_line(&probe.id)) } }
            (evidence(probe))
        }
    }
}

/// The commands that measured a probe, folded.
fn evidence(probe: &ProbeReport) -> Markup {
    html! {
        @if !probe.evidence.is_empty() {
            details {
                summary { "How it was measured" }
                @for evidence in &probe.evidence {
                    pre { "$ " (printable(&command_line(evidence))) "\n# " (how_ended(evidence)) " after "
                        (evidence.ms) " ms" @if !evidence.stderr.is_empty() { "\n" (printable(&evidence.stderr)) } }
                }
            }
        }
    }
}

fn without_answer(report: &Report) -> Markup {
    html! {
        @for (verdict, heading) in [(Verdict::Unmeasured, "Not measured"), (Verdict::Skipped, "Skipped")] {
            @let groups = CauseGroup::all(report, verdict);
            @if !groups.is_empty() {
                section {
                    h2 { (heading) }
                    ul { @for group in groups { li { (prose(&group.line())) } } }
                }
            }
        }
    }
}

fn all_probes(probes: &[&ProbeReport]) -> Markup {
    html! {
        @if !probes.is_empty() {
            section {
                h2 { "All probes" }
                table {
                    thead { tr { th { "verdict" } th { "probe" } th { "what was measured" } } }
                    tbody {
                        @for probe in probes {
                            tr {
                                td { (badge(probe.verdict)) }
                                td { code { (one_line(&probe.id)) } }
                                td {
                                    (prose(&probe.summary))
                                    @if probe.extrapolated { " (newer than every record)" }
                                    @if let Some(workaround) = &probe.workaround {
                                        p.quiet { (prose(workaround)) }
                                    }
                                    @if probe.findings.is_empty() { (evidence(probe)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A text in one line, in which pairs of backticks are code.
fn prose(text: &str) -> Markup {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    let is_paired = !parts.len().is_multiple_of(2);
    html! {
        @if is_paired {
            @for (index, part) in parts.iter().enumerate() {
                @if index % 2 == 0 { (part) } @else { code { (part) } }
            }
        } @else { (text) }
    }
}

fn badge(verdict: Verdict) -> Markup {
    html! { span class={ "badge " (verdict.name()) } { (verdict.name()) } }
}
