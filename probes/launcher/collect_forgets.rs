//! Measures what is still known about a failed unit after `--collect`, and where.

use super::support::exit_status::ReturnedStatus;
use super::support::unit_unload::wait_until_unloaded;
use crate::exec::{Child, CommandError};
use crate::fact_values;
use crate::host::UnitProperties;
use crate::host::journal::{self, Entry};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const IS_FAILED: Fact<IsFailed> = Fact::new("is-failed");
const RESULT: Fact<UnitResult> = Fact::new("result");
const KEPT_IS_FAILED: Fact<IsFailed> = Fact::new("kept-is-failed");
const KEPT_RESULT: Fact<UnitResult> = Fact::new("kept-result");
const WAIT_STATUS: Fact<ReturnedStatus> = Fact::new("wait-status");
const JOURNAL: Fact<JournalEntry> = Fact::new("journal");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    IS_FAILED.decl(),
    RESULT.decl(),
    KEPT_IS_FAILED.decl(),
    KEPT_RESULT.decl(),
    WAIT_STATUS.decl(),
    JOURNAL.decl(),
];

fact_values! {
    /// What `systemctl is-failed` answers.
    enum IsFailed {
        Failed = "failed",
        NotFailed = "not-failed",
    }
}

fact_values! {
    /// The unit's property `Result`.
    enum UnitResult {
        Failure = "failure",
        Success = "success",
    }
}

fact_values! {
    /// Whether the caller finds the failure in the journal.
    enum JournalEntry {
        Found = "found",
        Missing = "missing",
    }
}

/// The status that the command of both units exits with.
const STATUS: i32 = 7;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let [collected, kept] = ["collected", "kept"].map(|label| context.unit_name(label, "service"));
    let collecting = start(context, &collected, &["--wait", "--collect"])?;
    let keeping = start(context, &kept, &["-p", "Type=oneshot"])?;

    let mut measurement = Measurement::default();
    let (collecting, keeping) = (collecting.wait()?, keeping.wait()?);
    if keeping.exit() != Some(1) {
        return Err(NotMeasured::Unmeasured(format!(
            "the launch of a service that fails did not exit with 1: {}",
            keeping.error_summary()
        )));
    }
    let returned = ReturnedStatus::of(&collecting, STATUS);
    measurement.set_from(WAIT_STATUS, returned, &collecting);
    measurement.detail("ending", collecting.exit_description());
    wait_until_unloaded(context, &[&collected])?;
    let kept_state = record_states(context, &collected, &kept, &mut measurement)?;
    if returned != ReturnedStatus::Same && kept_state != IsFailed::Failed {
        return Err(NotMeasured::Unmeasured(format!(
            "systemd reported no failure of two services that fail: {}",
            keeping.error_summary()
        )));
    }
    let entries = journal::read_awaited(context.access(), &collected, Entry::Failed)?;
    let is_missing = entries.stdout_text().is_empty();
    let entry = if is_missing { JournalEntry::Missing } else { JournalEntry::Found };
    measurement.set_from(JOURNAL, entry, &entries);
    Ok(measurement)
}

fn start(context: &ProbeContext, unit: &str, options: &[&str]) -> Result<Child, CommandError> {
    context
        .systemd_run()
        .args(["--quiet", &format!("--unit={unit}")])
        .args(options)
        .args(["--", "sh", "-c", &format!("exit {STATUS}")])
        .start()
}

/// Records what `systemctl` reports about both units, and returns the state of the one that was not
/// collected.
fn record_states(
    context: &ProbeContext,
    collected: &str,
    kept: &str,
    measurement: &mut Measurement,
) -> Result<IsFailed, NotMeasured> {
    let units = [collected.to_owned(), kept.to_owned()];
    let query = context.systemctl().args(["is-failed", "--"]).args(&units).start()?;
    let (shown, show) = UnitProperties::read(context.systemctl(), &units, &["Result"])?;
    let query = query.wait()?;
    let output = query.stdout_text();
    let [collected_state, kept_state] = output.lines().collect::<Vec<_>>()[..] else {
        return Err(NotMeasured::Unmeasured(format!(
            "`systemctl is-failed` did not print a state for each unit: {}",
            query.error_summary()
        )));
    };
    let is_failed = |state| if state == "failed" { IsFailed::Failed } else { IsFailed::NotFailed };
    measurement.set_from(IS_FAILED, is_failed(collected_state), &query);
    measurement.set_from(KEPT_IS_FAILED, is_failed(kept_state), &query);
    for (fact, shown) in [RESULT, KEPT_RESULT].into_iter().zip(shown) {
        let is_success = shown.get("Result") == "success";
        let result = if is_success { UnitResult::Success } else { UnitResult::Failure };
        measurement.set_from(fact, result, &show);
    }
    Ok(is_failed(kept_state))
}
