use super::{Need, Schedule};
use crate::sandbox::{FactDecl, Measurement, NotMeasured, ProbeContext};

/// A live, isolated measurement of one failure mode.
#[derive(Debug, Clone, Copy)]
pub struct Probe {
    /// The group, which is also the folder: `launcher`, `scope`, …
    pub group: &'static str,
    /// The stem of the probe's two files: `env_block_spaces`.
    pub name: &'static str,
    /// The card, `NAME.toml`, as JSON.
    pub card: &'static str,
    /// Every fact that the probe can record, with all its values. A test compares them with the card.
    pub facts: &'static [FactDecl],
    /// What the probe depends on. It is not started while one of these does not answer. A probe that
    /// measures whether something answers does not list it.
    pub needs: &'static [Need],
    /// When the probe starts, and beside which others.
    pub schedule: Schedule,
    /// Takes the measurement, in a process of its own (see [`crate::runner::run`]). `None` if only the
    /// lab measures it, because the measurement is nothing that may run on a host in use.
    pub measure: Option<Measure>,
}

/// The function that takes a probe's measurement.
pub type Measure = fn(&ProbeContext) -> Result<Measurement, NotMeasured>;

impl Probe {
    /// Returns the probe's id: `env-block-spaces`.
    pub fn id(&self) -> String {
        self.name.replace('_', "-")
    }
}
