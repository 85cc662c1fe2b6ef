//! Who holds a lock, who waits for it, and what is wrong with it. Pure: the readers are in `launch_probes::host`.

mod analysis;
mod event;
mod fix;
mod model;
mod problem;

pub use analysis::{GitLockFacts, LockFacts, Moment, analyse, analyse_git};
pub use event::{LockEvent, LockEventKind, changes};
pub use fix::RELEASE_SCRIPT;
pub use model::{LockHolderRow, LockRow, LockWaiterRow, LocksHost, LocksReport, Unreadable};
pub use problem::LockProblem;
