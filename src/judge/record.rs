use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The version of the layout that this doctor writes.
const SCHEMA: u32 = 1;

/// What one host measured, to be held against another host or another day. It holds no time and no
/// host name: two runs on one host give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Record {
    schema: u32,
    /// The version of the doctor that wrote it.
    doctor: String,
    /// How many facts it holds, so that a truncated file is known for one.
    fact_count: usize,
    /// Probes that gave no facts on that host.
    pub without_facts: BTreeSet<String>,
    /// The versions on that host, by component.
    pub versions: BTreeMap<String, String>,
    /// The facts, by probe.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a file is not a record that can be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("cannot read the record {path}: {why}")]
    Unreadable { path: String, why: io::Error },
    #[error("{path} is not a record of `doctor record`:\n{why}")]
    NotARecord { path: String, why: Box<toml::de::Error> },
    #[error(
        "the record {path} has schema {found}; this doctor reads schema {SCHEMA}: record again with this doctor"
    )]
    OtherSchema { path: String, found: u32 },
    #[error(
        "the record {path} is truncated or was edited: it announces {announced} facts and holds {found}"
    )]
    Truncated { path: String, announced: usize, found: usize },
    #[error("the record {path} was written by doctor {found}, and this is doctor {}: its probes may ask other questions; record again with this doctor", env!("CARGO_PKG_VERSION"))]
    OtherDoctor { path: String, found: String },
}

/// The part of a record that every schema has.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

impl Record {
    /// A record of what was measured.
    pub fn new(
        versions: BTreeMap<String, String>,
        facts: BTreeMap<String, BTreeMap<String, String>>,
        without_facts: BTreeSet<String>,
    ) -> Self {
        let doctor = env!("CARGO_PKG_VERSION").to_owned();
        let fact_count = facts.values().map(BTreeMap::len).sum();
        Self { schema: SCHEMA, doctor, fact_count, without_facts, versions, facts }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the file cannot be read, is no record, or was written by another doctor.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let shown = || path.display().to_string();
        let text = fs::read_to_string(path)
            .map_err(|why| RecordError::Unreadable { path: shown(), why })?;
        Self::parse(&text, shown)
    }

    /// Reads a record from its text; `shown` is what the error calls it.
    pub(crate) fn parse(text: &str, shown: impl Fn() -> String) -> Result<Self, RecordError> {
        let not_a_record = |why| RecordError::NotARecord { path: shown(), why: Box::new(why) };
        // The schema is looked at first: a record of another one has other keys.
        let head: Head = toml::from_str(text).map_err(not_a_record)?;
        if head.schema != SCHEMA {
            return Err(RecordError::OtherSchema { path: shown(), found: head.schema });
        }
        let record: Self = toml::from_str(text).map_err(not_a_record)?;
        if record.doctor != env!("CARGO_PKG_VERSION") {
            return Err(RecordError::OtherDoctor { path: shown(), found: record.doctor });
        }
        let found = record.facts.values().map(BTreeMap::len).sum();
        if record.fact_count != found {
            let announced = record.fact_count;
            return Err(RecordError::Truncated { path: shown(), announced, found });
        }
        Ok(record)
    }

    /// The record as TOML, in a stable order.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).expect("a record holds nothing but text under text keys");
        format!(
            "# What `doctor record` measured. Hold a host against it: doctor gate --against FILE\n{body}"
        )
    }
}
