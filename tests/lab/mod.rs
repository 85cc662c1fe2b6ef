//! Real systemd for tests: one fresh machine a test, booted and driven by `ci/lab`.
//!
//! A test that cannot have its machine fails and says `NOT RUN`; it never passes for that reason.

#![allow(dead_code, unused_imports, reason = "every subject uses another part of it")]

mod machine;
mod release;
mod report;
mod schema;

pub use machine::{AS_AGENT, Machine};
pub use release::Release;
pub use report::Report;
pub use schema::{assert_valid, complaints};
