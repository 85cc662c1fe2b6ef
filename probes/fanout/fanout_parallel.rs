//! How many units of a fan-out are spawned, and how many run at the same time.

use super::support::barrier::Barrier;
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// How many of the units.
    enum Share {
        All = "all",
        Some = "some",
    }
}

const LAUNCHED: Fact<Share> = Fact::new("launched");
const RAN: Fact<Share> = Fact::new("ran");
const TOGETHER: Fact<Share> = Fact::new("together");
pub(crate) const FACTS: &[FactDecl] = &[LAUNCHED.decl(), RAN.decl(), TOGETHER.decl()];

/// More units would measure this host's limits, which task-headroom computes without a launch.
const MAX_UNITS: u32 = 32;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let count = context.settings.agents.min(MAX_UNITS);
    let mut barrier = Barrier::new(context, count)?;
    let children: Vec<Child> = (1..=count)
        .map(|number| {
            context
                .systemd_run()
                .args(["--quiet", "--collect", "--wait"])
                .arg(format!("--unit={}", context.unit_name(&number.to_string(), "service")))
                .arg("--")
                .args(barrier.command(number))
                .start()
        })
        .collect::<Result<_, _>>()?;
    barrier.wait_for_arrivals(count)?;
    barrier.release()?;
    // A unit that arrives late passes at once and counts as one that ran.
    let launches: Vec<Output> = children.into_iter().map(Child::wait).collect::<Result<_, _>>()?;

    let succeeded = launches.iter().filter(|launch| launch.success()).count();
    if succeeded == 0 {
        let errors = launches.first().map(Output::error_summary).unwrap_or_default();
        return Err(NotMeasured::Unmeasured(format!("none of {count} launches worked: {errors}")));
    }
    let (ran, peak) = (barrier.ran()?, barrier.peak()?);
    if ran == 0 {
        return Err(NotMeasured::Unmeasured(format!(
            "{succeeded} of {count} launches ended with exit status 0, and no unit ran: \
             systemd-run does not launch here"
        )));
    }
    let mut measurement = Measurement::default();
    let last =
        launches.last().ok_or_else(|| NotMeasured::Skipped("the number of agents is 0".into()))?;
    measurement.set_from(LAUNCHED, share(succeeded, count), last);
    measurement.set_from(RAN, share(ran, count), last);
    measurement.set_from(TOGETHER, share(peak, count), last);
    measurement.detail("units", count.to_string());
    measurement.detail("launched-units", succeeded.to_string());
    measurement.detail("ran-units", ran.to_string());
    measurement.detail("peak", peak.to_string());
    Ok(measurement)
}

fn share(number: usize, count: u32) -> Share {
    if number >= count as usize { Share::All } else { Share::Some }
}
