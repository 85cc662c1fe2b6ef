//! What is still known of a failed unit after `--collect`, and where.

use super::forgotten;
use crate::host::UnitProperties;
use crate::host::journal::{self, Entry};
use crate::sandbox::{CommandError, Running, Sandbox};
use crate::{Measurement, Unable};

/// The status with which the command of both units fails.
const STATUS: i32 = 7;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let [collected, kept] = ["collected", "kept"].map(|label| sandbox.unit_name(label, "service"));
    let collecting = start(sandbox, &collected, &["--wait", "--collect"])?;
    let keeping = start(sandbox, &kept, &["-p", "Type=oneshot"])?;

    let mut measurement = Measurement::default();
    let (collecting, keeping) = (collecting.wait()?, keeping.wait()?);
    if keeping.exit() != Some(1) {
        return Err(Unable::Unmeasured(format!(
            "the launch of a service that fails did not end with 1: {}",
            keeping.failure()
        )));
    }
    let passed_on = if collecting.exit() == Some(STATUS) { "the-same" } else { "another" };
    measurement.fact_from("wait-status", passed_on, &collecting);
    let ending = collecting.ending();
    forgotten::wait_for(sandbox, &[&collected])?;
    tell_states(sandbox, &[("", &collected), ("kept-", &kept)], &mut measurement)?;
    if passed_on != "the-same" && measurement.facts["kept-is-failed"] != "failed" {
        return Err(Unable::Unmeasured(format!(
            "no launch of a service that fails left a trace: {}",
            keeping.failure()
        )));
    }
    let mut entries = journal::read(sandbox, &collected, Entry::Failed)?;
    if entries.text().is_empty() && journal::wait_for(sandbox, &collected, Entry::Failed)? {
        entries = journal::read(sandbox, &collected, Entry::Failed)?;
    }
    let found = if entries.text().is_empty() { "missing" } else { "found" };
    measurement.fact_from("journal", found, &entries);
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
        .args(["--quiet", &format!("--unit={unit}")])
        .args(options)
        .args(["--", "sh", "-c", &format!("exit {STATUS}")])
        .start()
}

/// Records what `systemctl` says of failed units, each under facts that begin with its prefix.
fn tell_states(
    sandbox: &Sandbox,
    units: &[(&str, &str)],
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let names: Vec<String> = units.iter().map(|(_, unit)| (*unit).to_owned()).collect();
    let asked = sandbox.systemctl().args(["is-failed", "--"]).args(&names).start()?;
    let (shown, show) = UnitProperties::read(sandbox.systemctl(), &names, &["Result"])?;
    let asked = asked.wait()?;
    let states = asked.text();
    if states.lines().count() != units.len() {
        return Err(Unable::Unmeasured(format!(
            "systemctl did not tell whether each unit has failed: {}",
            asked.failure()
        )));
    }
    for (((prefix, _), state), shown) in units.iter().zip(states.lines()).zip(shown) {
        let is_failed = if state == "failed" { "failed" } else { "not-failed" };
        measurement.fact_from(&format!("{prefix}is-failed"), is_failed, &asked);
        let result = if shown.get("Result") == "success" { "success" } else { "failure" };
        measurement.fact_from(&format!("{prefix}result"), result, &show);
    }
    Ok(())
}
