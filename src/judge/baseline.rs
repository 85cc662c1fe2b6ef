use super::record::Record;
use super::recorded::Platform;

/// What the facts are compared with.
#[derive(Debug, Clone, Copy)]
pub enum Baseline<'a> {
    /// The cards, for the versions on this host: behaviours by their record, checks by their values.
    Cards(Platform<'a>),
    /// The cards, but behaviours alone: what changed, however this host is set up.
    Behaviours(Platform<'a>),
    /// What a host measured: behaviours and checks alike.
    Record(&'a Record),
}
