//! The outcomes of probes that could not be measured.

use std::io;

use super::Blocker;
use crate::exec::name_limit;
use crate::sandbox::{NotMeasured, Outcome};

/// Why there is no measurement of a probe that had not ended at the run's deadline.
const NOT_REACHED: &str = "not reached before the deadline";

pub(super) fn not_reached() -> Outcome {
    Outcome::NotMeasured(NotMeasured::Unmeasured(NOT_REACHED.into()))
}

pub(super) fn is_unmeasured(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotMeasured(NotMeasured::Unmeasured(_)))
}

pub(super) fn is_not_reached(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NotMeasured(NotMeasured::Unmeasured(text)) if text == NOT_REACHED)
}

pub(super) fn blocked(blocker: &Blocker) -> Outcome {
    Outcome::NotMeasured(NotMeasured::Unmeasured(blocker.reason.clone()))
}

pub(super) fn skipped(blocker: Blocker) -> Outcome {
    Outcome::NotMeasured(NotMeasured::Skipped(blocker.reason))
}

pub(super) fn spawn_failed(error: io::Error) -> Outcome {
    let error = name_limit(error);
    let text = format!("the worker process could not be started: {error}");
    Outcome::NotMeasured(NotMeasured::Unmeasured(text))
}
