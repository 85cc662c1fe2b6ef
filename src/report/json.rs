use super::model::Report;

/// Formats a report as one JSON document with a line break at its end.
pub(super) fn render(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report has only text, numbers and maps with text keys");
    text.push('\n');
    text
}
