//! Facts + card + versions -> verdict.

mod card;
mod catalogue;
mod difference;
mod judgement;
pub(crate) mod placeholder;
mod policy;
mod range;
mod record;
mod verdict;
mod version;
mod waiver;

pub use card::{Card, Expectation, Fact, Kind, Meaning, Severity, Workaround};
pub use catalogue::{Catalogue, Entry, Unknown};
pub use difference::{Changed, ChangedFact, Difference};
pub use judgement::{Baseline, Finding, Judgement, judge};
pub use placeholder::quote;
pub use policy::{Policy, PolicyError};
pub use range::Range;
pub use record::{Record, RecordError};
pub use verdict::Verdict;
pub use version::Version;
pub use waiver::{Waiver, WaiverState};
