//! Whether the journal shows the user what the manager writes about units.

use super::support::journal_state::{Lines, Usable, diagnose};
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::journal::{self, Entries, Entry};
use crate::host::{JournalFiles, JournaldConfig, Manager, UnitProperties, User};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether journald dropped lines of the user's units within a day.
    enum Dropped {
        None = "none",
        Some = "some",
        BeforeChange = "before-change",
        Unreadable = "unreadable",
    }
}

const USABLE: Fact<Usable> = Fact::new("usable");
const DROPPED: Fact<Dropped> = Fact::new("dropped");
pub(crate) const FACTS: &[FactDecl] = &[USABLE.decl(), DROPPED.decl()];

/// The message id of "Suppressed N messages" (systemd, src/systemd/sd-messages.h,
/// `SD_MESSAGE_JOURNAL_DROPPED`).
const LINES_DROPPED: &str = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let user = User::current();
    let (ordinary, run) = launch(context, "ordinary", &["--service-type=oneshot"], "true")?;
    let launched = run.wait()?;
    if !launched.success() {
        return Err(NotMeasured::Unmeasured(format!(
            "a service did not start: {}",
            launched.error_summary()
        )));
    }
    // It is loaded until the end of the run, so that its settings can be read.
    let (failing, run) = launch(context, "failing", &[], "false")?;
    run.wait()?;
    let lines = if !journal::wait_for(context.access(), &failing, Entry::Failed)? {
        require_failed(context, &failing)?;
        Lines::None
    } else if Entries::about(context.access(), &[&ordinary])?.has(&ordinary, Entry::Started) {
        // The journal keeps the manager's order: it has the earlier lines once it has the last.
        Lines::All
    } else {
        Lines::FailureOnly
    };
    let (usable, run) = diagnose(context, lines, &failing)?;

    let mut measurement = Measurement::default();
    measurement.detail("manager", context.settings.manager.option());
    measurement.detail("kind", context.settings.manager.name());
    measurement.detail("user", user.name.as_str());
    measurement.detail("uid", user.uid.to_string());
    measurement.detail("failing", &*failing);
    let unreadable = JournalFiles::inspect(context.settings.manager, user.uid).unreadable;
    let file = unreadable.first().map(|path| path.to_string_lossy().into_owned());
    measurement.detail("file", file.unwrap_or_else(|| "/var/log/journal".into()));
    measurement.set_from(USABLE, usable, &run);
    let (dropped, run) = dropped(context, user.uid)?;
    measurement.set(DROPPED, dropped);
    if let Some(run) = run {
        measurement.add_evidence(DROPPED.name(), &run);
    }
    Ok(measurement)
}

/// Waits until the unit has failed; ends the probe if it was never started: a journal cannot show what did not happen.
fn require_failed(context: &ProbeContext, unit: &str) -> Result<(), NotMeasured> {
    let units = [unit.to_owned()];
    loop {
        let (found, _) = UnitProperties::read(context.systemctl(), &units, &["ActiveState"])?;
        match found[0].get("ActiveState") {
            "failed" => return Ok(()),
            // It runs until `false` has exited, and no event reports that without the journal.
            "activating" | "active" | "deactivating" => {}
            state => {
                return Err(NotMeasured::Unmeasured(format!(
                    "systemd-run reported that a service was started, and its unit is {state} instead of failed"
                )));
            }
        }
    }
}

/// Returns whether journald noted within a day that it dropped lines of the user's units. It notes
/// that in the system's journal alone (systemd issue 36191).
fn dropped(context: &ProbeContext, uid: u32) -> Result<(Dropped, Option<Output>), NotMeasured> {
    if JournalFiles::inspect(Manager::System, uid).readable == 0 {
        return Ok((Dropped::Unreadable, None));
    }
    let run = context
        .command("journalctl")
        .args(["--system", "--quiet", "--no-pager", "--since=-1day", "--lines=1", "--output=cat"])
        .args([LINES_DROPPED, &format!("OBJECT_SYSTEMD_UNIT=user@{uid}.service")])
        .run()?;
    let value = if run.stdout_text().is_empty() {
        Dropped::None
    } else if JournaldConfig::read(context.access())?.is_unlimited {
        Dropped::BeforeChange
    } else {
        Dropped::Some
    };
    Ok((value, Some(run)))
}

/// Starts a launch. Returns the unit's name with it.
fn launch(
    context: &ProbeContext,
    label: &str,
    options: &[&str],
    command: &str,
) -> Result<(String, Child), NotMeasured> {
    let unit = context.unit_name(label, "service");
    let run = context
        .systemd_run()
        .arg("--quiet")
        .args(options)
        .arg(format!("--unit={unit}"))
        .args(["--", command])
        .start()?;
    Ok((unit, run))
}
