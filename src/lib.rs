//! Judges what `launch-probes` measured, and tells it.
//!
//! Data flows one way: probes give facts, [`judge`] holds them against the cards, [`report`] tells
//! the result, [`exit`] turns it into a status.

pub mod cli;
pub mod commands;
pub mod exit;
#[doc(hidden)]
pub mod fuzzed;
pub mod judge;
pub mod report;
