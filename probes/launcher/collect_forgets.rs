//! What is still known of a failed unit after `--collect`, and where.

use super::forgotten;
use crate::host::journal::{self, Entry};
use crate::sandbox::{CommandError, Running, Sandbox};
use crate::{Measurement, Unable};

/// The status with which the command of both units fails.
const STATUS: i32 = 7;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let [collected, kept] = ["collected", "kept"].map(|label| sandbox.unit_name(label, "service"));
    let collecting = start(sandbox, &collected, &["--collect"])?;
    let keeping = start(sandbox, &kept, &[])?;

    let mut measurement = Measurement::default();
    let (collecting, keeping) = (collecting.wait()?, keeping.wait()?);
    if keeping.exit() != Some(STATUS) {
        return Err(Unable::Unmeasured(format!(
            "a service that exits with {STATUS} was launched with {}: {}",
            keeping.ending(),
            keeping.errors()
        )));
    }
    let passed_on = if collecting.exit() == Some(STATUS) { "the-same" } else { "another" };
    measurement.fact_from("wait-status", passed_on, &collecting);
    let ending = collecting.ending();
    forgotten::wait_for(sandbox, &[&collected])?;
    for (prefix, unit) in [("", &collected), ("kept-", &kept)] {
        tell_state(sandbox, prefix, unit, &mut measurement)?;
    }
    let found = journal::wait_for(sandbox, &collected, Entry::Failed)?;
    let entries = journal::read(sandbox, &collected, Entry::Failed)?;
    measurement.fact_from("journal", if found { "found" } else { "missing" }, &entries);
    let fact = |name: &str| &measurement.facts[name];
    measurement.summary = format!(
        "after --collect and a failure systemctl says {} and Result={}, and without --collect {} \
         and {}; --wait gave {ending}; the journal: {}",
        fact("is-failed"),
        fact("result"),
        fact("kept-is-failed"),
        fact("kept-result"),
        fact("journal"),
    );
    Ok(measurement)
}

fn start(sandbox: &Sandbox, unit: &str, options: &[&str]) -> Result<Running, CommandError> {
    sandbox
        .systemd_run()
        .args(["--quiet", "--wait", &format!("--unit={unit}")])
        .args(options)
        .args(["--", "sh", "-c", &format!("exit {STATUS}")])
        .start()
}

/// Records what `systemctl` says of a failed unit, under facts that begin with `prefix`.
fn tell_state(
    sandbox: &Sandbox,
    prefix: &str,
    unit: &str,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let asked = sandbox.systemctl().args(["is-failed", "--", unit]).start()?;
    let shown =
        sandbox.systemctl().args(["show", "--property=Result", "--value", "--", unit]).run()?;
    let asked = asked.wait()?;
    if !shown.success() {
        return Err(Unable::Unmeasured(format!("`systemctl show` failed: {}", shown.errors())));
    }
    let is_failed = if asked.success() { "failed" } else { "not-failed" };
    measurement.fact_from(&format!("{prefix}is-failed"), is_failed, &asked);
    let result = if shown.text() == "success" { "success" } else { "failure" };
    measurement.fact_from(&format!("{prefix}result"), result, &shown);
    Ok(())
}
