//! Whether the journal has the end of a short unit that succeeded, and what a unit printed.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::exec::{Child, CommandError, Output};
use crate::fact_values;
use crate::host::journal::{self, Entries, Entry};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether the journal shows an entry to the caller.
    enum Presence {
        Present = "there",
        Missing = "missing",
    }
}

const START: Fact<Presence> = Fact::new("start");
const END: Fact<Presence> = Fact::new("end");
const ONESHOT_END: Fact<Presence> = Fact::new("oneshot-end");
const FAILED_END: Fact<Presence> = Fact::new("failed-end");
const PRINTED: Fact<Presence> = Fact::new("printed");
pub(crate) const FACTS: &[FactDecl] =
    &[START.decl(), END.decl(), ONESHOT_END.decl(), FAILED_END.decl(), PRINTED.decl()];

/// How long a printed line may take to appear once a later failure is in the journal.
const LINE_TIMEOUT: Duration = Duration::from_secs(1);
/// The name of the pipe that the printing unit copies to its output.
const PIPE: &str = "lines";
const LINE: &str = "printed by a unit of launch-doctor";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let printer = start_printer(context)?;
    let (simple, simple_run) = launch(context, "simple", &["--wait"], &["true"])?;
    // systemd-run waits for the start of this unit, which is complete when its command has ended.
    let (oneshot, oneshot_run) =
        launch(context, "oneshot", &["--service-type=oneshot"], &["true"])?;
    simple_run.wait()?;
    oneshot_run.wait()?;
    // The journal keeps the manager's order: once it has this later failure, it has everything that
    // was written about the other units.
    let (failing, failing_run) = launch(context, "failing", &[], &["false"])?;
    failing_run.wait()?;
    if !journal::wait_for(context.access(), &failing, Entry::Failed)? {
        return Err(NotMeasured::Skipped(
            "the journal does not show this user what the manager writes; \
             `doctor check journal-usable` says why"
                .into(),
        ));
    }
    let entries = Entries::about(context.access(), &[&simple, &oneshot, &failing])?;
    let mut measurement = Measurement::default();
    for (fact, unit, entry) in [
        (FAILED_END, &failing, Entry::Failed),
        (START, &simple, Entry::Started),
        (END, &simple, Entry::Succeeded),
        // A unit of this type counts as started when it has ended.
        (ONESHOT_END, &oneshot, Entry::Started),
    ] {
        measurement.set_from(fact, presence(entries.has(unit, entry)), &entries.run);
    }
    let (is_printed, run) = printer.is_in_journal(context)?;
    measurement.set_from(PRINTED, presence(is_printed), &run);
    Ok(measurement)
}

fn presence(is_present: bool) -> Presence {
    if is_present { Presence::Present } else { Presence::Missing }
}

/// Starts a launch. Returns the unit's name with it.
fn launch(
    context: &ProbeContext,
    label: &str,
    options: &[&str],
    command: &[&str],
) -> Result<(String, Child), NotMeasured> {
    let unit = context.unit_name(label, "service");
    let run = context
        .systemd_run()
        .args(["--quiet", "--collect"])
        .args(options)
        .arg(format!("--unit={unit}"))
        .arg("--")
        .args(command)
        .start()?;
    Ok((unit, run))
}

/// A unit that has printed a line and keeps running: journald can miss the unit of a process that
/// exits while it is read (systemd issue 33436).
struct Printer {
    unit: String,
    /// The unit ends when this is closed.
    _input: File,
}

fn start_printer(context: &ProbeContext) -> Result<Printer, NotMeasured> {
    let pipe = context.dir().join(PIPE);
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).map_err(std::io::Error::from)?;
    // Open for reading as well, so that opening does not wait for the unit.
    let mut input = OpenOptions::new().read(true).write(true).open(&pipe)?;
    writeln!(input, "{LINE}")?;
    let path = fs::canonicalize(&pipe)?;
    let (unit, run) = launch(context, "printer", &[], &["cat", &path.to_string_lossy()])?;
    let run = run.wait()?;
    if run.success() {
        return Ok(Printer { unit, _input: input });
    }
    Err(NotMeasured::Unmeasured(format!("a service did not start: {}", run.error_summary())))
}

impl Printer {
    /// Whether the journal shows the line, and the command that looked for it.
    fn is_in_journal(&self, context: &ProbeContext) -> Result<(bool, Output), CommandError> {
        let journalctl = || {
            let manager = context.settings.manager.option();
            let journalctl = context.command("journalctl").args([manager, "--quiet", "--no-pager"]);
            journalctl.args(["--lines=all", "--output=cat", "--unit"]).arg(&self.unit)
        };
        let contains_line = |text: &str| text.lines().any(|line| line == LINE);
        let mut run = journalctl().run()?;
        if !contains_line(&run.stdout_text()) {
            let mut following = journalctl().arg("--follow").timeout(LINE_TIMEOUT).start()?;
            let mut number = 0;
            while let Ok(Some(line)) = following.next_line(number) {
                if line == LINE {
                    break;
                }
                number += 1;
            }
            run = journalctl().run()?;
        }
        Ok((contains_line(&run.stdout_text()), run))
    }
}
