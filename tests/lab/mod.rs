//! Real systemd for tests: one fresh machine a test, booted and driven by `ci/lab`.
//!
//! A test that cannot have its machine fails and says `NOT RUN`; it never passes for that reason.

#![allow(dead_code, reason = "every subject uses another part of it")]

mod machine;
mod release;
mod report;

pub use machine::Machine;
pub use release::Release;
pub use report::Report;
