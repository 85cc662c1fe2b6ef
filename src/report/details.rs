use std::fmt::Write as _;

use launch_probes::Evidence;

use super::model::{Host, ProbeReport, Report};
use crate::judge::Finding;
use crate::text::quote;
use crate::text::sanitize::{one_line, printable};
use crate::text::shorten::shorten;

/// The label of a command that only looks, where a command that fixes has `$`.
pub(super) const LOOK: &str = "look:";
/// The longest command line in a report for people, in characters.
const COMMAND_LIMIT: usize = 160;

/// Describes a probe in plain lines: what was measured, what is wrong, what to do, and which commands measured it.
pub(super) fn details(probe: &ProbeReport) -> String {
    let mut text = format!("{}\n", probe.summary);
    if probe.extrapolated {
        text.push_str("This version is newer than every record; the newest record was used.\n");
    }
    if probe.attempts > 1 {
        let _ = writeln!(text, "It took {} attempts.", probe.attempts);
    }
    for finding in &probe.findings {
        let _ = writeln!(text, "{}", finding_line(finding));
    }
    if let Some(workaround) = &probe.workaround {
        let _ = writeln!(text, "{workaround}");
    }
    for line in command_lines(probe) {
        let _ = writeln!(text, "{line}");
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

/// Returns what to do about a probe's findings, a line each: first the commands that only look, labelled so.
pub(super) fn command_lines(probe: &ProbeReport) -> impl Iterator<Item = String> + '_ {
    let look = probe.look.iter().map(|command| format!("{LOOK} {command}"));
    look.chain(probe.fix.iter().map(|command| format!("$ {command}")))
}

/// Says what is wrong with a fact, in one or two sentences.
pub(super) fn finding_line(finding: &Finding) -> String {
    match &finding.expected {
        Some(expected) if finding.verdict.is_change() => format!(
            "{}: {} was recorded as `{expected}` and is `{}`. {}",
            finding.verdict, finding.fact, finding.measured, finding.text
        ),
        _ => finding.text.clone(),
    }
}

/// Returns the command that measured a fact, quoted for a shell.
pub(super) fn command_line(evidence: &Evidence) -> String {
    evidence.argv.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// Returns the commands that measured a fact of a probe and how they ended, in a line each, shortened in the middle.
pub(super) fn evidence_lines<'a>(
    probe: &'a ProbeReport,
    fact: &'a str,
) -> impl Iterator<Item = String> + 'a {
    probe.evidence.iter().filter(move |evidence| evidence.fact == fact).map(|evidence| {
        let command = shorten(&one_line(&command_line(evidence)), COMMAND_LIMIT);
        format!("{command}  ({}, {} ms)", how_ended(evidence), evidence.ms)
    })
}

/// Says how it ended: `exit status 1`.
pub(super) fn how_ended(evidence: &Evidence) -> String {
    match evidence.exit {
        Some(status) => format!("exit status {status}"),
        None => "ended by a signal".into(),
    }
}

/// Returns the number of probes with each verdict, and the seconds: `1 fail, 3 ok in 0.41 s`.
pub(super) fn counts_line(report: &Report) -> String {
    let counts: Vec<String> =
        report.counts().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let counts = if counts.is_empty() { "nothing selected".into() } else { counts.join(", ") };
    format!("{counts} in {:.2} s", report.seconds)
}

/// Names the host, what is installed on it, and the manager that was examined.
pub(super) fn host_line(host: &Host) -> String {
    let version = |name: &str, version: &Option<String>| match version {
        Some(version) => format!("{name} {}", upstream(version)),
        None => format!("no {name}"),
    };
    let mut parts = [("systemd", &host.systemd), ("tmux", &host.tmux), ("git", &host.git)]
        .map(|(name, text)| version(name, text))
        .to_vec();
    match host.os.as_deref().map(short_os) {
        Some(os) if host.systemd.is_some() => parts[0].extend([" (", &os, ")"]),
        Some(os) => parts.push(os),
        None => {}
    }
    parts.push(match host.user.as_str() {
        // A record does not name the user.
        "" => format!("{} manager", host.manager),
        user => format!("{} manager of {user}", host.manager),
    });
    let name = host.name.as_deref().map(|name| format!("{name}: ")).unwrap_or_default();
    name + &parts.join(", ")
}

/// Returns a version without what a distribution appends: 257.13 for 257.13-1~deb13u1.
fn upstream(version: &str) -> &str {
    match version.split_once('-') {
        Some((upstream, _)) if upstream.starts_with(|c: char| c.is_ascii_digit()) => upstream,
        _ => version,
    }
}

/// Returns an operating system's name without its code name: `Debian 13` for `Debian GNU/Linux 13 (trixie)`.
fn short_os(os: &str) -> String {
    let name = os.split_once(" (").map_or(os, |(name, _)| name);
    name.replace(" GNU/Linux", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_and_systems_are_shown_short() {
        assert_eq!(upstream("257.13-1~deb13u1"), "257.13");
        assert_eq!(upstream("258~rc1-2"), "258~rc1");
        assert_eq!(upstream("next-3.6"), "next-3.6");
        assert_eq!(short_os("Debian GNU/Linux 13 (trixie)"), "Debian 13");
        assert_eq!(short_os("Fedora Linux 41 (Server Edition)"), "Fedora Linux 41");
        assert_eq!(short_os("Ubuntu 24.04.1 LTS"), "Ubuntu 24.04.1 LTS");
    }
}
