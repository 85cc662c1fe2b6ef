use std::fmt::Write as _;

use colored::Colorize;

use super::{grouped, name, times, what_was_read};
use crate::diagnose::{Confirmation, Diagnosis, DiagnosisFinding, MatchedLine};
use crate::report::details::LOOK;
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// How many numbers of unknown lines are named.
const NAMED_LINES: usize = 6;

/// Returns it for people, in lines of at most `width` columns. Findings that were shown while the
/// input was read (`is_streamed`) are only counted; `shows_unknown` shows the unknown lines whole.
pub fn human(
    diagnosis: &Diagnosis,
    is_streamed: bool,
    shows_unknown: bool,
    width: usize,
) -> String {
    let mut text = String::new();
    let modes = match diagnosis.findings.len() {
        0 => "no known failure".to_owned(),
        1 => "1 known failure".to_owned(),
        count => format!("{count} known failures"),
    };
    let heading = format!("{modes} in {}", what_was_read(diagnosis));
    push_wrapped(&mut text, &one_line(&heading), "", "  ", width);
    let several = diagnosis.inputs.len() > 1;
    for finding in &diagnosis.findings {
        if is_streamed {
            let line = format!("{}: {}", finding.mode, times(finding.count));
            push_wrapped(&mut text, &line, "  ", "    ", width);
        } else {
            let first = place(&finding.first, several);
            let seen = format!("{}, first on {first}", times(finding.count));
            push_finding(&mut text, finding, &seen, width);
        }
    }
    for input in &diagnosis.inputs {
        if let Some(why) = &input.incomplete {
            let line = format!("{} could not be read whole: {why}", name(&input.name));
            push_wrapped(&mut text, &one_line(&line), "? ", "  ", width);
        }
    }
    push_unknown(&mut text, diagnosis, shows_unknown, width);
    text
}

/// Returns a finding that was made while the input is still read.
pub fn found(finding: &DiagnosisFinding, several_inputs: bool, width: usize) -> String {
    let mut text = String::new();
    push_finding(&mut text, finding, &place(&finding.first, several_inputs), width);
    text
}

fn place(line: &MatchedLine, several_inputs: bool) -> String {
    let number = format!("line {}", grouped(line.line));
    if several_inputs { format!("{number} of {}", name(&line.input)) } else { number }
}

fn push_finding(text: &mut String, finding: &DiagnosisFinding, seen: &str, width: usize) {
    let first = format!("{} {}  ", "✗".red(), finding.mode.red().bold());
    let line = format!("{seen}: {}", finding.first.text);
    push_wrapped(text, &one_line(&line), &first, "    ", width);
    push_wrapped(text, &one_line(&finding.cause), "    ", "    ", width);
    for command in &finding.look {
        let _ = writeln!(text, "    {} {}", LOOK.dimmed(), one_line(command));
    }
    for command in &finding.fix {
        let _ = writeln!(text, "    {} {}", "$".dimmed(), one_line(command).bold());
    }
    let confirmed = match finding.confirm {
        None => "",
        Some(Confirmation::StillSo) => "still so on this host",
        Some(Confirmation::NotHereNow) => "not so here, now",
        Some(Confirmation::NotMeasured) => "could not be measured here",
    };
    if !confirmed.is_empty() {
        push_wrapped(text, confirmed, "    ", "    ", width);
    }
    if !finding.also.is_empty() {
        let line = format!("The message is also that of: {}", finding.also.join(", "));
        push_wrapped(text, &line, "    ", "    ", width);
    }
    let _ = writeln!(text, "    {}", format!("doctor explain {}", finding.mode).dimmed());
}

fn push_unknown(text: &mut String, diagnosis: &Diagnosis, shows_unknown: bool, width: usize) {
    let count = diagnosis.unknown_count;
    if count == 0 {
        return;
    }
    let more = if diagnosis.findings.is_empty() { "" } else { "more " };
    let what = match count {
        1 => format!("1 {more}line looks like a failure that is not known"),
        count => format!("{} {more}lines look like failures that are not known", grouped(count)),
    };
    if shows_unknown {
        push_wrapped(text, &format!("{what}:"), "", "  ", width);
        for line in &diagnosis.unknown {
            let shown = format!("{}: {}", grouped(line.line), line.text);
            push_wrapped(text, &one_line(&shown), "  ", "    ", width);
        }
        return;
    }
    let numbers: Vec<String> =
        diagnosis.unknown.iter().take(NAMED_LINES).map(|line| grouped(line.line)).collect();
    let rest = if diagnosis.unknown.len() > NAMED_LINES { ", …" } else { "" };
    let line = format!("{what}: {}{rest} (--all shows them)", numbers.join(", "));
    push_wrapped(text, &line, "", "  ", width);
}
