//! Real systemd for tests: one fresh machine a test, booted and driven by `ci/lab`.
//!
//! A test that cannot have its machine fails and says `NOT RUN`; it never passes for that reason.

pub(crate) mod lab_only;
mod machine;
#[macro_use]
mod release;
mod report;
mod schema;

pub(crate) use machine::{AS_AGENT, Machine, doctor, project};
pub(crate) use release::Release;
pub(crate) use report::Report;
pub(crate) use schema::violations;
