use crate::measurement::{Measurement, Unable};
use crate::sandbox::Sandbox;

/// A live, isolated measurement of one failure mode.
#[derive(Debug)]
pub struct Probe {
    /// The subject it belongs to, which is also its folder: `launcher`, `scope`, …
    pub group: &'static str,
    /// The stem of its two files: `env_block_spaces`.
    pub name: &'static str,
    /// The text of its card, in TOML.
    pub card: &'static str,
    /// Whether it measures a time, so that no other probe may run beside it.
    pub alone: bool,
    /// Takes the measurement. It runs in a process of its own (see [`crate::sandbox::run`]).
    pub measure: fn(&Sandbox) -> Result<Measurement, Unable>,
}

impl Probe {
    /// The probe's id as people write it: `env-block-spaces`.
    pub fn id(&self) -> String {
        self.name.replace('_', "-")
    }
}
