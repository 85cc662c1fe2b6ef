use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

use super::cause::shown_reason;
use super::details::counts_line;
use super::model::{ProbeReport, Report};
use super::test_status::worst_first;
use crate::exit::Exit;
use crate::judge::Verdict;
use crate::text::sanitize::one_line;
use crate::text::shorten::shorten;

/// The longest text before the performance data, in bytes: old agents cut a line at 1024.
const TEXT_LIMIT: usize = 640;
/// The longest text about one probe, in characters.
const SUMMARY_LIMIT: usize = 160;

/// A state of a monitoring plugin, with its exit status (Monitoring Plugins Development Guidelines, "Plugin
/// Return Codes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PluginState {
    Ok = 0,
    Warning = 1,
    Critical = 2,
    Unknown = 3,
}

impl fmt::Display for PluginState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        })
    }
}

impl From<PluginState> for ExitCode {
    fn from(state: PluginState) -> Self {
        (state as u8).into()
    }
}

/// Returns whether a command line asks for this format, however wrong the rest of it is.
pub fn requests_nagios(args: &[OsString]) -> bool {
    let follows = |pair: &[OsString]| pair[0] == "--format" && pair[1] == "nagios";
    args.iter().any(|arg| arg == "--format=nagios") || args.windows(2).any(follows)
}

/// Formats a report as one line of a monitoring plugin: the state, what is wrong, and performance data
/// (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios").
pub(super) fn render(report: &Report) -> String {
    let state = plugin_state(report);
    format!("{} | {}\n", state_line(state, &problems(report)), performance_data(report))
}

/// Returns the line of a run that has no report, with the reason.
pub fn plugin_failure(reason: &str) -> String {
    format!("{}\n", state_line(PluginState::Unknown, reason))
}

/// Returns the state of a report: CRITICAL for what `--fail-on` counts; WARNING for other findings, and for a
/// component that behaves differently from its record; UNKNOWN when something is unmeasured or nothing was
/// selected. The first of these that applies counts.
pub fn plugin_state(report: &Report) -> PluginState {
    match report.exit {
        Exit::Findings => PluginState::Critical,
        Exit::Success | Exit::Unmeasured if report.probes.iter().any(|it| warns(it.verdict)) => {
            PluginState::Warning
        }
        Exit::Success => PluginState::Ok,
        Exit::Unmeasured | Exit::Usage | Exit::NothingSelected | Exit::Interrupted => {
            PluginState::Unknown
        }
    }
}

/// Returns whether it is a WARNING where `--fail-on` does not count it. A problem that is fixed upstream is
/// reported and is no alarm.
fn warns(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Fail | Verdict::Warn | Verdict::Regressed => true,
        Verdict::Relaxable
        | Verdict::Unmeasured
        | Verdict::Known
        | Verdict::Waived
        | Verdict::Ok
        | Verdict::Skipped => false,
    }
}

fn state_line(state: PluginState, message: &str) -> String {
    // Performance data begins at a bar.
    let mut message = one_line(message).replace('|', "¦");
    if message.len() > TEXT_LIMIT {
        message.truncate(message.floor_char_boundary(TEXT_LIMIT));
        message.push('…');
    }
    format!("DOCTOR {state}: {message}")
}

/// Names what is wrong, the worst first. Its fix comes right after it, so that a long line is not cut before it.
fn problems(report: &Report) -> String {
    let is_problem = |probe: &&ProbeReport| {
        probe.verdict.is_finding()
            || probe.verdict.is_change()
            || probe.verdict == Verdict::Unmeasured
    };
    let mut parts = Vec::new();
    for (index, probe) in worst_first(report).into_iter().filter(is_problem).enumerate() {
        let summary = shorten(&shown_reason(&probe.summary), SUMMARY_LIMIT);
        parts.push(format!("{} {}: {summary}", probe.verdict, probe.id));
        if index == 0 && !probe.findings.is_empty() {
            match (&probe.fix[..], &probe.look[..]) {
                ([], []) => {}
                ([], look) => parts.push(format!("look: {}", look.join("; "))),
                (fix, _) => parts.push(format!("fix: {}", fix.join(" && "))),
            }
        }
    }
    parts.push(counts_line(report));
    parts.join("; ")
}

/// Returns the number of probes with each verdict, with the threshold that makes the state, and the time.
fn performance_data(report: &Report) -> String {
    let mut words: Vec<String> = Verdict::ALL
        .into_iter()
        .map(|verdict| {
            let count = report.count(verdict);
            let (warning, critical) = match (report.fail_on.includes(verdict), warns(verdict)) {
                (true, _) => ("", "0"),
                (false, true) => ("0", ""),
                (false, false) => ("", ""),
            };
            format!("{verdict}={count};{warning};{critical};0")
        })
        .collect();
    words.push(format!("time={:.3}s;;;0", report.seconds));
    words.join(" ")
}
