//! Whether workers on one lock ever overlap, and in which order they are served.

use super::queue::{Queue, Way};
use crate::host::file_system;
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// How many workers the first document launches.
const MANY: usize = 6;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let dir = sandbox.dir_at_repo()?.unwrap_or_else(|| sandbox.dir().to_owned());
    let kind = file_system(&dir).map_err(std::io::Error::from)?;

    // All three groups have a lock file of their own and run at the same time.
    let mut control = Queue::at(sandbox, dir.join("no-lock"), Way::None)?;
    for _ in 0..MANY {
        control.start()?;
    }
    let mut two = Queue::at(sandbox, dir.join("two"), Way::Plain)?;
    let mut six = Queue::at(sandbox, dir.join("six"), Way::Plain)?;
    for number in 0..MANY {
        six.start()?;
        if number < 2 {
            two.start()?;
            two.await_arrivals()?;
        }
        // The next one comes when this one is seen to wait: so the order of arrival is known.
        six.await_arrivals()?;
    }
    control.await_arrivals()?;
    let (control, two, six) = (control.serve()?, two.serve()?, six.serve()?);

    let mut measurement = Measurement::default();
    // It proves that an overlap is seen where there is one.
    measurement.fact_from("unlocked", control.overlap(), &control.last);
    measurement.fact_from("two", two.overlap(), &two.last);
    measurement.fact_from("six", six.overlap(), &six.last);
    measurement.fact_from("order", six.order(), &six.last);
    measurement.summary = format!(
        "under the lock at most {} of 2 and {} of {MANY} workers were inside at once, without it {}; \
         they were served in {}; the lock lay on {kind}",
        two.peak(),
        six.peak(),
        control.peak(),
        if six.order() == "arrival" { "order of arrival" } else { "another order than they came" },
    );
    Ok(measurement)
}
