//! What a run does: the command line, the policy file, records on disk, the colour. Files and the environment are
//! read here.

mod color;
mod policy_file;
mod record_file;
mod run_config;

pub use color::set_color;
pub use policy_file::{PolicyError, find_policy};
#[cfg(any(test, feature = "fuzz-invariants"))]
pub(crate) use record_file::record_of_report;
pub use record_file::{RecordFileError, read_record, read_record_or_report};
pub use run_config::RunConfig;
