//! How many units of a fan-out are spawned, and how many run at the same moment.

use super::gate::Gate;
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// The most units that are launched for this.
const MANY: u32 = 32;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    // More would measure this host's limits, which task-headroom reckons without a launch.
    let count = sandbox.settings.fleet.min(MANY);
    let mut gate = Gate::new(sandbox, count)?;
    let launches: Vec<Running> = (1..=count)
        .map(|number| {
            sandbox
                .systemd_run()
                .args(["--quiet", "--collect", "--wait"])
                .arg(format!("--unit={}", sandbox.unit_name(&number.to_string(), "service")))
                .arg("--")
                .args(gate.command(number))
                .start()
        })
        .collect::<Result<_, _>>()?;
    gate.await_arrivals(count)?;
    gate.open()?;
    // Whoever comes late is let through at once, and counted as one that ran.
    let ended: Vec<Completed> =
        launches.into_iter().map(Running::wait).collect::<Result<_, _>>()?;

    let launched = ended.iter().filter(|launch| launch.success()).count();
    if launched == 0 {
        let errors = ended.first().map(Completed::failure).unwrap_or_default();
        return Err(Unable::Unmeasured(format!("none of {count} launches worked: {errors}")));
    }
    if gate.ran()? == 0 {
        return Err(Unable::Unmeasured(format!(
            "{launched} of {count} launches ended with exit status 0, and none of them ran: \
             systemd-run does not launch here"
        )));
    }
    let peak = gate.peak()?;
    let mut measurement = Measurement::default();
    let last = ended.last().ok_or_else(|| Unable::Skipped("the fleet is empty".into()))?;
    measurement.fact_from("launched", of(launched, count), last);
    measurement.fact_from("ran", of(gate.ran()?, count), last);
    measurement.fact_from("together", of(peak, count), last);
    measurement.summary = format!(
        "of {count} units launched at once, {launched} ended with exit status 0, {} ran, and at \
         most {peak} of them at the same moment",
        gate.ran()?
    );
    Ok(measurement)
}

fn of(number: usize, count: u32) -> &'static str {
    if number >= count as usize { "all" } else { "some" }
}
