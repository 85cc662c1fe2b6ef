//! The reports, completions and man pages, read by the programs that users read them with.
//!
//! `ci/report-readers` and `ci/test --all` install the readers. A test whose reader is missing fails and says `NOT RUN`.
//! Plain `cargo test` leaves this binary out: `cargo test --test readers` runs it.

mod fanout_recipes;
mod reports;
