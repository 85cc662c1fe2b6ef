use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use super::output;
use crate::cli::{ColorOption, DiffFormat};
use crate::exit::Exit;
use crate::judge::{Difference, Record};
use crate::report::{decide_color, difference};

/// Compares two records or JSON reports.
///
/// # Errors
/// When one of them cannot be read, or the result could not be written.
pub fn run(a: &Path, b: &Path, format: DiffFormat, color: &ColorOption) -> anyhow::Result<Exit> {
    decide_color(color.color, output::is_terminal());
    let difference = Difference::between(&read(a)?, &read(b)?);
    let text = match format {
        DiffFormat::Human => difference::human(&difference, output::width()),
        DiffFormat::Json => difference::json(&difference),
    };
    output::write(&text, None)?;
    Ok(if difference.is_empty() { Exit::Fine } else { Exit::Findings })
}

/// Reads a record, or what a JSON report says of the same things.
fn read(path: &Path) -> anyhow::Result<Record> {
    let is_json = fs::read(path).is_ok_and(|bytes| bytes.trim_ascii_start().starts_with(b"{"));
    if !is_json {
        return Ok(Record::read(path)?);
    }
    let shown = path.display();
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read the report {shown}"))?;
    let report: Value = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is not a whole JSON report"))?;
    if report["schema"] != 1 {
        bail!("the report {shown} has schema {}; this doctor reads schema 1", report["schema"]);
    }
    record_in(&report)
        .with_context(|| format!("{shown} is not a report of `doctor check --format json`"))
}

pub(crate) fn record_in(report: &Value) -> Option<Record> {
    let host = report["host"].as_object()?;
    let components =
        [("systemd", "systemd"), ("tmux", "tmux"), ("git", "git"), ("util_linux", "util-linux")];
    let versions = components
        .into_iter()
        .filter_map(|(key, name)| Some((name.to_owned(), host.get(key)?.as_str()?.to_owned())))
        .collect();
    let mut facts = std::collections::BTreeMap::new();
    let mut without_facts = std::collections::BTreeSet::new();
    for probe in report["probes"].as_array()? {
        let id = probe["id"].as_str()?.to_owned();
        let measured: std::collections::BTreeMap<String, String> =
            serde_json::from_value(probe["facts"].clone()).ok()?;
        if measured.is_empty() {
            without_facts.insert(id);
        } else {
            facts.insert(id, measured);
        }
    }
    Some(Record::new(versions, facts, without_facts))
}
