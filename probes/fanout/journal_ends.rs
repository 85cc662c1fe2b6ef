//! Whether the journal holds the end of a short unit that succeeded, or only its start.

use crate::host::journal::{self, Entry};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let launch = |label: &str, options: &[&str], command: &str| {
        let unit = sandbox.unit_name(label, "service");
        let run = sandbox
            .systemd_run()
            .args(["--quiet", "--collect", "--wait"])
            .args(options)
            .arg(format!("--unit={unit}"))
            .args(["--", command])
            .start()?;
        Ok::<_, Unable>((unit, run))
    };
    let (simple, simple_run) = launch("simple", &[], "true")?;
    let (oneshot, oneshot_run) = launch("oneshot", &["--service-type=oneshot"], "true")?;
    simple_run.wait()?;
    oneshot_run.wait()?;
    // The journal keeps the manager's order: once this later failure is there, all that was written
    // about the others is there too.
    let (failing, failing_run) = launch("failing", &[], "false")?;
    failing_run.wait()?;
    let mut measurement = Measurement::default();
    if !journal::wait_for(sandbox, &failing, Entry::Failed)? {
        return Err(Unable::Skipped(
            "the journal does not show this user what the manager writes: there is no journal of \
             the user's own, or it is not kept on disk"
                .into(),
        ));
    }
    let failed = journal::read(sandbox, &failing, Entry::Failed)?;
    measurement.fact_from("failed-end", "there", &failed);
    for (fact, unit, entry) in [
        ("start", &simple, Entry::Started),
        ("end", &simple, Entry::Succeeded),
        ("oneshot-end", &oneshot, Entry::Started),
    ] {
        let entries = journal::read(sandbox, unit, entry)?;
        let is_there = !entries.stdout.is_empty();
        measurement.fact_from(fact, if is_there { "there" } else { "missing" }, &entries);
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
