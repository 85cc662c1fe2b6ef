//! Whether the journal holds the end of a short unit that succeeded, or only its start.

use crate::host::journal::{self, Entries, Entry};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let launch = |label: &str, option: &[&str], command: &str| {
        let unit = sandbox.unit_name(label, "service");
        let run = sandbox
            .systemd_run()
            .args(["--quiet", "--collect"])
            .args(option)
            .arg(format!("--unit={unit}"))
            .args(["--", command])
            .start()?;
        Ok::<_, Unable>((unit, run))
    };
    let (simple, simple_run) = launch("simple", &["--wait"], "true")?;
    // Its start is over when its command has ended, so that this launch waits, too.
    let (oneshot, oneshot_run) = launch("oneshot", &["--service-type=oneshot"], "true")?;
    simple_run.wait()?;
    oneshot_run.wait()?;
    // The journal keeps the manager's order: once this later failure is there, all that was written
    // about the others is there too.
    let (failing, failing_run) = launch("failing", &[], "false")?;
    failing_run.wait()?;
    if !journal::wait_for(sandbox, &failing, Entry::Failed)? {
        return Err(Unable::Skipped(
            "the journal does not show this user what the manager writes: there is no journal of \
             the user's own, or it is not kept on disk"
                .into(),
        ));
    }
    let entries = Entries::about(sandbox, &[&simple, &oneshot, &failing])?;
    let mut measurement = Measurement::default();
    for (fact, unit, entry) in [
        ("failed-end", &failing, Entry::Failed),
        ("start", &simple, Entry::Started),
        ("end", &simple, Entry::Succeeded),
        // Only at its end it counts as started.
        ("oneshot-end", &oneshot, Entry::Started),
    ] {
        let value = if entries.has(unit, entry) { "there" } else { "missing" };
        measurement.fact_from(fact, value, &entries.run);
    }
    measurement.summary = format!(
        "the journal of a service that succeeded: start {}, end {}; of one with Type=oneshot: end \
         {}; of one that failed: end {}",
        measurement.facts["start"],
        measurement.facts["end"],
        measurement.facts["oneshot-end"],
        measurement.facts["failed-end"],
    );
    Ok(measurement)
}
