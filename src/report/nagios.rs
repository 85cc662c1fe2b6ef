use super::details::counts_line;
use super::model::{ProbeReport, Report};
use super::printable::one_line;
use super::standing::worst_first;
use crate::exit::{Exit, PluginState};
use crate::judge::Verdict;

/// The longest text before the performance data, in bytes: old agents cut a line at 1024.
const LONGEST: usize = 640;

/// The report as a monitoring plugin tells it: one line of state, what is wrong, and performance
/// data (Monitoring Plugins Development Guidelines, "Plugin Output for Nagios").
pub(super) fn render(report: &Report) -> String {
    let state = plugin_state(report);
    format!("{} | {}\n", state_line(state, &what_is_wrong(report)), performance_data(report))
}

/// The line of a run that has no report, because of what `message` says.
pub fn plugin_failure(message: &str) -> String {
    format!("{}\n", state_line(PluginState::Unknown, message))
}

/// The state that a report comes to: CRITICAL for what `--fail-on` counts; WARNING for other
/// findings, and for a component that behaves otherwise than recorded; UNKNOWN when something is
/// unmeasured or nothing was selected. The first of these that fits, as the plugins' own order is.
pub fn plugin_state(report: &Report) -> PluginState {
    match report.exit {
        Exit::Findings => PluginState::Critical,
        Exit::Usage | Exit::NothingSelected | Exit::Interrupted => PluginState::Unknown,
        Exit::Fine | Exit::Unmeasured if report.probes.iter().any(|it| warns(it.verdict)) => {
            PluginState::Warning
        }
        Exit::Unmeasured => PluginState::Unknown,
        Exit::Fine => PluginState::Ok,
    }
}

/// Whether it is a WARNING where `--fail-on` does not count it. A change for the better is told, and
/// wakes nobody.
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
    // What stands behind a bar is performance data.
    let mut message = one_line(message).replace('|', "¦");
    if message.len() > LONGEST {
        message.truncate(message.floor_char_boundary(LONGEST));
        message.push('…');
    }
    format!("DOCTOR {state}: {message}")
}

fn what_is_wrong(report: &Report) -> String {
    let loud = |probe: &&ProbeReport| {
        probe.verdict.is_finding()
            || probe.verdict.is_change()
            || probe.verdict == Verdict::Unmeasured
    };
    let mut told: Vec<String> = worst_first(report)
        .into_iter()
        .filter(loud)
        .map(|probe| format!("{} {}: {}", probe.verdict, probe.id, probe.summary))
        .collect();
    told.push(counts_line(report));
    told.join("; ")
}

/// The number of probes with each verdict, with the threshold that makes the state, and the time.
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
