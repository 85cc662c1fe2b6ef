//! Which unit is which agent: pure functions of what was read of cgroups, processes and tmux.

mod analysis;
mod command;
mod limit;
mod model;
mod order;
mod reading;
mod selection;

pub use analysis::analyse;
pub use command::leading;
pub use limit::{LimitKind, OverLimit, over_limits};
pub use model::{MemorySource, Process, Scope, ScopeKind, Scopes, Slice, SliceLimits, SliceUsage};
pub use order::{SortKey, sort};
pub use reading::{PaneReading, ProcessReading, Reading, SliceReading, UnitReading};
pub use selection::{Filter, NotFound, nearest};
