use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::judge::Record;
use crate::text::markdown::inline;

/// Returns the heading of a record: its file's name, with upstream builds marked as such.
fn column(name: &str) -> String {
    match name.strip_prefix("upstream-") {
        Some(version) => format!("{version} (upstream build)"),
        None => name.to_owned(),
    }
}

/// Formats records side by side in Markdown: probes and facts as rows, records as columns. A fact that is not the
/// same everywhere has a mark.
pub fn matrix(records: &[(String, Record)]) -> String {
    let mut text = String::from(
        "# Matrix\n\nWhat each host measured. ≠ marks a fact that is not the same on all of them, – a fact that a host \
         could not measure.\n\n",
    );
    let names: Vec<String> = records.iter().map(|(name, _)| inline(&column(name))).collect();
    let _ = writeln!(text, "| | {} |\n| --- |{}", names.join(" | "), " --- |".repeat(names.len()));
    let components: BTreeSet<&String> =
        records.iter().flat_map(|(_, record)| record.versions.keys()).collect();
    for component in components {
        let versions = records.iter().map(|(_, record)| record.versions.get(component));
        push_row(&mut text, component, versions, false);
    }
    let probes: BTreeSet<&String> =
        records.iter().flat_map(|(_, record)| record.facts.keys()).collect();
    for probe in probes {
        let _ = writeln!(
            text,
            "\n## {}\n\n| fact | {} |\n| --- |{}",
            inline(probe),
            names.join(" | "),
            " --- |".repeat(names.len())
        );
        let measured: Vec<_> = records.iter().map(|(_, record)| record.facts.get(probe)).collect();
        let facts: BTreeSet<&String> =
            measured.iter().flatten().flat_map(|facts| facts.keys()).collect();
        for fact in facts {
            let values = measured.iter().map(|facts| facts.and_then(|facts| facts.get(fact)));
            push_row(&mut text, fact, values, true);
        }
    }
    text
}

fn push_row<'a>(
    text: &mut String,
    name: &str,
    values: impl Iterator<Item = Option<&'a String>>,
    is_marked: bool,
) {
    let values: Vec<Option<&String>> = values.collect();
    let known: BTreeSet<&String> = values.iter().copied().flatten().collect();
    let mark = if is_marked && known.len() > 1 { " ≠" } else { "" };
    let cells: Vec<String> = values
        .iter()
        .map(|value| value.map_or_else(|| "–".to_owned(), |value| inline(value)))
        .collect();
    let _ = writeln!(text, "| {}{mark} | {} |", inline(name), cells.join(" | "));
}
