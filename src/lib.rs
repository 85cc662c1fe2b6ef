//! Judges what `launch-probes` measured, and reports it.
//!
//! Data flows one way: probes give facts, [`judge`] compares them with the cards, [`report`] formats the result,
//! [`exit`] is the status.

pub mod cli;
pub mod commands;
pub mod config;
pub mod diagnose;
pub mod exit;
pub mod fanout;
#[cfg(any(test, feature = "fuzz-invariants"))]
#[doc(hidden)]
pub mod fuzz_invariants;
pub mod judge;
pub mod locks;
pub mod report;
pub mod report_sinks;
pub mod scopes;
pub mod sink;
pub mod text;
