use launch_probes::host::Manager;
use serde::Deserialize;

use super::range::Range;
use super::version::Version;

/// The value recorded for a range of versions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The versions.
    pub on: Range,
    /// The value.
    pub value: String,
    /// The manager under which it holds; both, if none is named.
    #[serde(default)]
    pub manager: Option<Manager>,
    /// The versions on which it was measured: in the lab, and on upstream builds.
    #[serde(default)]
    measured: Vec<String>,
    /// Where a boundary comes from that no measured version has.
    #[serde(default)]
    pub source: Option<String>,
}

impl Expectation {
    /// Returns the versions on which it was measured.
    pub fn measured(&self) -> impl Iterator<Item = Version> {
        self.measured.iter().filter_map(|text| Version::parse(text))
    }

    /// Whether it holds under a manager.
    pub fn applies_to(&self, manager: Manager) -> bool {
        self.manager.is_none_or(|named| named == manager)
    }
}
