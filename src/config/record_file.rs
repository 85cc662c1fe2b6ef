use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use serde_json::Value;

use crate::judge::{Record, RecordError};

/// Why a file cannot be used as a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordFileError {
    #[error("cannot read the record {path}: {why}")]
    Unreadable { path: String, why: io::Error },
    #[error("the record {path} {why}")]
    Record { path: String, why: RecordError },
    #[error("{path} is not a complete JSON report: {why}")]
    NotJson { path: String, why: serde_json::Error },
    #[error("the report {path} has schema {found}; this doctor reads schema 1")]
    ReportSchema { path: String, found: Value },
    #[error("{path} is not a report of `doctor check --format json`")]
    NotAReport { path: String },
}

/// Reads a file of `doctor record`.
///
/// # Errors
/// When the file cannot be read, is not a record, or has another schema.
pub fn read_record(path: &Path) -> Result<Record, RecordFileError> {
    parse_record(&read(path)?, path)
}

/// Reads a file of `doctor record`, or the same from a file of `doctor check --format json`.
///
/// # Errors
/// When the file cannot be read, is neither of the two, or has another schema.
pub fn read_record_or_report(path: &Path) -> Result<Record, RecordFileError> {
    let text = read(path)?;
    if !text.trim_start().starts_with('{') {
        return parse_record(&text, path);
    }
    let shown = path.display().to_string();
    let report: Value = match serde_json::from_str(&text) {
        Ok(report) => report,
        Err(why) => return Err(RecordFileError::NotJson { path: shown, why }),
    };
    if report["schema"] != 1 {
        return Err(RecordFileError::ReportSchema { path: shown, found: report["schema"].clone() });
    }
    record_of_report(&report).ok_or(RecordFileError::NotAReport { path: shown })
}

fn read(path: &Path) -> Result<String, RecordFileError> {
    fs::read_to_string(path)
        .map_err(|why| RecordFileError::Unreadable { path: path.display().to_string(), why })
}

fn parse_record(text: &str, path: &Path) -> Result<Record, RecordFileError> {
    Record::parse(text)
        .map_err(|why| RecordFileError::Record { path: path.display().to_string(), why })
}

/// Returns what a JSON report says of versions and facts; `None` if it is not a report.
pub(crate) fn record_of_report(report: &Value) -> Option<Record> {
    let host = report["host"].as_object()?;
    let components =
        [("systemd", "systemd"), ("tmux", "tmux"), ("git", "git"), ("util_linux", "util-linux")];
    let versions = components
        .into_iter()
        .filter_map(|(key, name)| Some((name.to_owned(), host.get(key)?.as_str()?.to_owned())))
        .collect();
    let mut facts = BTreeMap::new();
    let mut without_facts = BTreeSet::new();
    for probe in report["probes"].as_array()? {
        let id = probe["id"].as_str()?.to_owned();
        let measured: BTreeMap<String, String> =
            serde_json::from_value(probe["facts"].clone()).ok()?;
        if measured.is_empty() {
            without_facts.insert(id);
        } else {
            facts.insert(id, measured);
        }
    }
    Some(Record::new(versions, facts, without_facts))
}
