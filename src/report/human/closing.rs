use crate::judge::Verdict;
use crate::report::model::Report;
use crate::report::verdict_style::paint;
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// Appends the number of probes with each of these verdicts, and the duration: `1 failed, 2 warnings in 2.1 s`.
pub(super) fn push_closing(
    text: &mut String,
    report: &Report,
    is_counted: impl Fn(Verdict) -> bool,
    width: usize,
) {
    let counts: Vec<String> = report
        .counts()
        .filter(|(verdict, _)| is_counted(*verdict))
        .map(|(verdict, count)| paint(&counted(verdict, count), verdict).to_string())
        .collect();
    let counts = match (counts.is_empty(), report.probes.is_empty()) {
        (_, true) => "nothing selected".to_owned(),
        (true, false) => "no findings".to_owned(),
        (false, false) => counts.join(", "),
    };
    text.push('\n');
    push_wrapped(text, &format!("{counts} in {:.1} s", report.seconds), "", "  ", width);
}

/// Appends what the reader must know besides the verdicts.
pub(super) fn push_notes(text: &mut String, report: &Report, width: usize) {
    for note in report.notes() {
        push_wrapped(text, &one_line(&format!("note: {note}")), "", "  ", width);
    }
}

fn counted(verdict: Verdict, count: usize) -> String {
    match (verdict, count) {
        (Verdict::Fail, _) => format!("{count} failed"),
        (Verdict::Warn, 1) => "1 warning".to_owned(),
        (Verdict::Warn, _) => format!("{count} warnings"),
        (verdict, _) => format!("{count} {verdict}"),
    }
}
