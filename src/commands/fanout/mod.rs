//! `doctor fanout`: reads a source, analyses it, writes the report.

mod history_files;
mod journal_followup;
mod journal_reach;
mod journal_source;
mod live;
mod request;
mod sinks;
mod watch;

pub(super) use request::run;
