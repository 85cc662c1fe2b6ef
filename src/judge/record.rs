use std::collections::{BTreeMap, BTreeSet};

use launch_probes::host::{Component, Manager, Versions};
use serde::{Deserialize, Serialize};

/// The version of the layout. Within one, keys are only added.
const SCHEMA: u32 = 1;

/// What one host measured, to compare with another host or another day. It has no time and no host name: two
/// runs on one host give the same bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    schema: u32,
    /// The version of the doctor that wrote it.
    pub doctor: String,
    /// The number of facts, by which a truncated file is recognised.
    fact_count: usize,
    /// The manager under which it was measured.
    #[serde(default = "user", skip_serializing_if = "is_user")]
    pub manager: Manager,
    /// Probes that gave no facts on that host.
    pub without_facts: BTreeSet<String>,
    /// The versions on that host, by component.
    pub versions: BTreeMap<String, String>,
    /// The facts, by probe.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a text is not a record that can be used. The message continues "the record FILE".
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("is not a record of `doctor record`:\n{0}")]
    NotARecord(#[from] Box<toml::de::Error>),
    #[error("has schema {found}; this doctor reads schema {SCHEMA}: record again with this doctor")]
    OtherSchema { found: u32 },
    #[error("is truncated or was edited: its fact-count is {announced}, and it has {found} facts")]
    Truncated { announced: usize, found: usize },
}

fn user() -> Manager {
    Manager::User
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_user(manager: &Manager) -> bool {
    *manager == Manager::User
}

/// The part of a record that every schema has.
#[derive(Deserialize)]
struct Head {
    schema: u32,
}

impl Record {
    /// Makes a record of what was measured.
    pub fn new(
        versions: BTreeMap<String, String>,
        facts: BTreeMap<String, BTreeMap<String, String>>,
        without_facts: BTreeSet<String>,
    ) -> Self {
        let doctor = env!("CARGO_PKG_VERSION").to_owned();
        let fact_count = facts.values().map(BTreeMap::len).sum();
        let manager = Manager::User;
        Self { schema: SCHEMA, doctor, fact_count, manager, without_facts, versions, facts }
    }

    /// Reads a record from its text. Any version of the doctor may have written it.
    ///
    /// # Errors
    /// When the text is not a record, has another schema, or is truncated.
    pub fn parse(text: &str) -> Result<Self, RecordError> {
        // The schema comes first: a record of another one has other keys.
        let head: Head = toml::from_str(text).map_err(Box::new)?;
        if head.schema != SCHEMA {
            return Err(RecordError::OtherSchema { found: head.schema });
        }
        let record: Self = toml::from_str(text).map_err(Box::new)?;
        let found = record.facts.values().map(BTreeMap::len).sum();
        if record.fact_count != found {
            return Err(RecordError::Truncated { announced: record.fact_count, found });
        }
        Ok(record)
    }

    /// Returns the versions as the judge takes them.
    pub fn versions(&self) -> Versions {
        Component::ALL
            .into_iter()
            .filter_map(|component| Some((component, self.versions.get(component.name())?.clone())))
            .collect()
    }

    /// Returns the record as TOML, in a stable order.
    ///
    /// # Panics
    /// Never: a record has only text under text keys.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(self).expect("a record holds nothing but text under text keys");
        format!(
            "# What `doctor record` measured. To compare a host with it: doctor gate --against FILE\n{body}"
        )
    }
}
