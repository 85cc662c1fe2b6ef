//! The tests that need no root, no lab and no network.

mod cards;
mod cli;
mod deadline;
mod dependencies;
mod diagnose;
mod docs;
mod exit_status;
mod fanout;
#[allow(dead_code, reason = "the lab makes the states")]
#[path = "../lab/fixes/table.rs"]
mod fix_tables;
mod isolation;
mod layers;
mod locks;
mod policy;
mod record_files;
mod records;
#[allow(unused_macros, reason = "the lab makes tests of them")]
#[path = "../lab/lab/release.rs"]
mod release;
mod releases;
mod reports;
mod rust_files;
#[path = "../lab/lab/schema.rs"]
mod schema;
mod scopes;
