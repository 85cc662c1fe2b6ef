//! Whether workers on one lock ever overlap, and in which order they get it.

use super::support::lock_workers::{ContentionLog, LockMethod, LockOrder, LockWorkers, Overlap};
use crate::host::file_system;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const WORKERS: usize = 6;

const TWO: Fact<Overlap> = Fact::new("two");
const SIX: Fact<Overlap> = Fact::new("six");
const UNLOCKED: Fact<Overlap> = Fact::new("unlocked");
const ORDER: Fact<LockOrder> = Fact::new("order");
pub(crate) const FACTS: &[FactDecl] = &[TWO.decl(), SIX.decl(), UNLOCKED.decl(), ORDER.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let dir = context.dir_at_repo()?.unwrap_or_else(|| context.dir().to_owned());
    let file_system = file_system(&dir).map_err(std::io::Error::from)?;

    // Each group has a lock file of its own; all three run at the same time.
    let mut control = LockWorkers::new(context, dir.join("no-lock"), LockMethod::None)?;
    for _ in 0..WORKERS {
        control.start()?;
    }
    let mut two = LockWorkers::new(context, dir.join("two"), LockMethod::File)?;
    let mut six = LockWorkers::new(context, dir.join("six"), LockMethod::File)?;
    for number in 0..WORKERS {
        six.start()?;
        if number < 2 {
            two.start()?;
            two.wait_for_arrivals()?;
        }
        // The next worker starts once this one waits, so that the order of arrival is known.
        six.wait_for_arrivals()?;
    }
    control.wait_for_arrivals()?;
    let mut measurement = evaluate(&control.finish()?, &two.finish()?, &six.finish()?);
    measurement.detail("file-system", file_system);
    Ok(measurement)
}

fn evaluate(control: &ContentionLog, two: &ContentionLog, six: &ContentionLog) -> Measurement {
    let mut measurement = Measurement::default();
    // The control proves that an overlap would be seen.
    measurement.set_from(UNLOCKED, control.overlap(), &control.last);
    measurement.set_from(TWO, two.overlap(), &two.last);
    measurement.set_from(SIX, six.overlap(), &six.last);
    measurement.set_from(ORDER, six.order(), &six.last);
    measurement.detail("peak-unlocked", control.peak().to_string());
    measurement.detail("peak-two", two.peak().to_string());
    measurement.detail("peak-six", six.peak().to_string());
    measurement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::support::lock_workers::Event::{End, Start};
    use crate::lock::support::lock_workers::tests::log_of;

    #[test]
    fn a_worker_that_overtakes_and_a_control_without_overlap_are_reported() {
        let in_turn = log_of(&[Start(0), End(0), Start(1), End(1)]);
        let overtaken = log_of(&[Start(1), End(1), Start(0), End(0)]);
        let facts = evaluate(&in_turn, &in_turn, &overtaken).facts;
        for (fact, value) in [("order", "other"), ("unlocked", "serialized")] {
            assert_eq!(facts[fact], value);
        }
    }
}
