//! Judges facts by cards, versions and policy. Nothing here reads a file, the environment or the host.

mod baseline;
mod broken_need;
mod card;
mod catalogue;
mod difference;
mod emitter;
mod expectation;
mod fact_verdict;
mod judgement;
mod policy;
mod preview;
mod range;
mod record;
mod recorded;
mod signature;
mod verdict;
mod version;
mod waiver;

pub use baseline::Baseline;
pub use broken_need::{broken_needs, withhold_changes};
pub use card::{Card, Fact, FactValue, Kind, Severity, Workaround};
pub use catalogue::{Catalogue, Entry, SelectError, UnknownProbe};
pub use difference::{ChangedFact, ChangedVersion, Difference, OneSidedFact};
pub use emitter::Emitter;
pub use expectation::Expectation;
pub use judgement::{Finding, Judgement, judge};
pub use policy::Policy;
pub use preview::{BehaviourChange, Effect, FactChange, Preview, UnknownBehaviour};
pub use range::Range;
pub use record::{Record, RecordError};
pub use recorded::{Platform, Recorded};
pub use signature::{Near, Signature, SignatureError};
pub use verdict::Verdict;
pub use version::Version;
pub use waiver::{Waiver, WaiverState};
