//! What a timer does when it elapses while the service that it started is still active.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::exec::{Child, CommandError, Output};
use crate::fact_values;
use crate::host::UnitProperties;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What comes of an elapse while the service runs.
    enum DuringRun {
        Lost = "lost",
        Started = "started",
    }
}

const DURING_RUN: Fact<DuringRun> = Fact::new("during-run");
pub(crate) const FACTS: &[FactDecl] = &[DURING_RUN.decl()];

/// When the timer elapses, after it was started.
const ELAPSES: [&str; 3] = ["--on-active=1us", "--on-active=250ms", "--on-active=500ms"];
/// How long the last elapse may take.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(6);
/// What both services do: they note a run and report it, and one of them waits for the release. It is a file, because
/// systemd-run expands `$` in the command line of a service.
const UNIT: &str = r#"
echo run >>"$1/$2" && echo "$2" >"$1/reports" || exit 1
[ "$3" = open ] || read -r go <"$1/$3"
"#;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let dir = fs::canonicalize(context.dir())?;
    let script = dir.join("unit.sh");
    fs::write(&script, UNIT)?;
    let _reports_writer = fifo(&dir.join("reports"))?;
    let mut release = fifo(&dir.join("gate"))?;
    let reports = context.command("cat").arg(dir.join("reports")).timeout(CONTROL_TIMEOUT);
    let mut reports = reports.start()?;

    // The control is started later, so its only elapse is later than all of the other timer.
    let held = start(context, &script, "held", "gate", &ELAPSES)?;
    start(context, &script, "control", "open", &ELAPSES[2..])?;
    wait_for_runs(&mut reports)?;
    require_elapses(context)?;
    release.write_all(b"go\n")?;
    wait_for_end(context)?;

    let runs = fs::read_to_string(dir.join("held"))?.lines().count();
    let value = if runs > 1 { DuringRun::Started } else { DuringRun::Lost };
    let mut measurement = Measurement::default();
    measurement.set_from(DURING_RUN, value, &held);
    measurement.detail("elapses", ELAPSES.len().to_string());
    measurement.detail("runs", runs.to_string());
    Ok(measurement)
}

/// Creates a FIFO and opens it for reading and writing, so that opening blocks on neither side.
fn fifo(path: &Path) -> io::Result<File> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    OpenOptions::new().read(true).write(true).open(path)
}

/// Starts a timer with its service, which waits for `gate`.
fn start(
    context: &ProbeContext,
    script: &Path,
    label: &str,
    gate: &str,
    elapses: &[&str],
) -> Result<Output, NotMeasured> {
    let run = context
        .systemd_run()
        .arg("--quiet")
        .args(elapses)
        .args(["--timer-property=AccuracySec=1us", "--property=Type=oneshot"])
        .arg(format!("--unit={}", context.unit_name(label, "service")))
        .args(["--", "sh"])
        .arg(script)
        .arg(context.dir())
        .args([label, gate])
        .run()?;
    if run.success() {
        return Ok(run);
    }
    Err(NotMeasured::Unmeasured(format!("a timer was not started: {}", run.error_summary())))
}

/// Waits until both timers have started their services.
fn wait_for_runs(reports: &mut Child) -> Result<(), NotMeasured> {
    let mut missing = vec!["held", "control"];
    let mut number = 0;
    while !missing.is_empty() {
        match reports.next_line(number) {
            Ok(Some(line)) => missing.retain(|name| *name != line),
            Ok(None) | Err(CommandError::Deadline { .. }) => {
                let reason = format!("a timer did not start its service in time: {missing:?}");
                return Err(NotMeasured::Unmeasured(reason));
            }
            Err(error) => return Err(error.into()),
        }
        number += 1;
    }
    Ok(())
}

/// Checks that the timer was to elapse as often as was asked for.
fn require_elapses(context: &ProbeContext) -> Result<(), NotMeasured> {
    let timer = context.unit_name("held", "timer");
    let show = context.systemctl().args(["show", "--property=TimersMonotonic", "--", &timer]);
    let shown = show.run()?;
    let count = shown.stdout_text().matches("OnActiveUSec=").count();
    if count == ELAPSES.len() {
        return Ok(());
    }
    let asked = ELAPSES.len();
    Err(NotMeasured::Unmeasured(format!("a timer elapses {count} times and not {asked} times")))
}

/// Waits until the held service has ended, and its timer no longer waits for it. No event reports the timer's state to
/// a client without D-Bus, so it is polled.
fn wait_for_end(context: &ProbeContext) -> Result<(), NotMeasured> {
    let units = ["service", "timer"].map(|suffix| context.unit_name("held", suffix));
    loop {
        let (states, _) =
            UnitProperties::read(context.systemctl(), &units, &["Id", "ActiveState", "SubState"])?;
        let has_ended = matches!(states[0].get("ActiveState"), "inactive" | "failed");
        if has_ended && states[1].get("SubState") != "running" {
            return Ok(());
        }
    }
}
