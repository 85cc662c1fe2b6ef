use std::fmt::Write as _;

use launch_probes::Evidence;

use super::model::{Host, ProbeReport, Report};
use super::printable::printable;
use crate::judge::{Finding, quote};

/// All that is told about a probe, in plain lines: what was measured, what is wrong, what to do, and
/// by which commands it was measured.
pub(super) fn details(probe: &ProbeReport) -> String {
    let mut text = format!("{}\n", probe.summary);
    if probe.extrapolated {
        text.push_str("The version is newer than every record; the newest one was used.\n");
    }
    if probe.attempts > 1 {
        let _ = writeln!(text, "It was tried {} times.", probe.attempts);
    }
    for finding in &probe.findings {
        let _ = writeln!(text, "{}", finding_line(finding));
    }
    if let Some(workaround) = &probe.workaround {
        let _ = writeln!(text, "{workaround}");
    }
    for command in &probe.fix {
        let _ = writeln!(text, "$ {command}");
    }
    for evidence in &probe.evidence {
        let _ =
            writeln!(text, "measured by: {}  ({})", command_line(evidence), how_ended(evidence));
        for line in evidence.stderr.lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
    printable(&text).into_owned()
}

/// What is wrong about a fact, in one or two sentences.
pub(super) fn finding_line(finding: &Finding) -> String {
    match &finding.expected {
        Some(expected) if finding.verdict.is_change() => format!(
            "{}: {} was recorded as `{expected}` and is `{}`. {}",
            finding.verdict, finding.fact, finding.measured, finding.text
        ),
        _ => finding.text.clone(),
    }
}

/// The command that measured a fact, ready to paste.
pub(super) fn command_line(evidence: &Evidence) -> String {
    evidence.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// How it ended: `exit status 1`.
pub(super) fn how_ended(evidence: &Evidence) -> String {
    match evidence.exit {
        Some(status) => format!("exit status {status}"),
        None => "ended by a signal".into(),
    }
}

/// How many probes have which verdict, in how many seconds: `1 fail, 3 ok in 0.41 s`.
pub(super) fn counts_line(report: &Report) -> String {
    let counts: Vec<String> =
        report.counts().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let counts = if counts.is_empty() { "nothing selected".into() } else { counts.join(", ") };
    format!("{counts} in {:.2} s", report.seconds)
}

/// What was met on the host, and whose manager was asked.
pub(super) fn host_line(host: &Host) -> String {
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
