use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::page::cell;
use super::printable::one_line;
use crate::judge::Record;

/// Records side by side, in Markdown: probes and facts down, records across. A fact that is not the
/// same everywhere has a mark.
pub fn matrix(records: &[(String, Record)]) -> String {
    let mut text = String::from(
        "# Matrix\n\nWhat each host measured. ≠ marks a fact that is not the same everywhere; – one that a host could \
         not measure.\n\n",
    );
    let names: Vec<String> = records.iter().map(|(name, _)| cell(name)).collect();
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
            one_line(probe),
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
        .map(|value| value.map_or_else(|| "–".to_owned(), |value| cell(value)))
        .collect();
    let _ = writeln!(text, "| {}{mark} | {} |", cell(name), cells.join(" | "));
}
