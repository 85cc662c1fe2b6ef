//! `doctor locks`: reads locks, analyses them, writes the report.

mod files;
mod read;
mod request;
mod watch;

pub(super) use request::run;
