use super::model::Report;

/// The report as one JSON document with a line break at its end.
pub(super) fn render(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report)
        .expect("a report holds nothing but text, numbers and maps with text keys");
    text.push('\n');
    text
}
