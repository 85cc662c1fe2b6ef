//! Measures `Environment=KEY=a b c` in a unit file, what reports the mistake, and what a file named
//! by `EnvironmentFile=` does with such values.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::env_launch::{
    BatchLaunch, EnvAssignment, EnvOutcome, ReceivedEnv, ReceivedValue, UnitType,
};
use super::support::exit_status::ExitStatus;
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::UnitProperties;
use crate::host::journal::{self, Entry};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, UnitFile};

const SPACES: Fact<EnvOutcome> = Fact::new("spaces");
const SPLIT: Fact<EnvOutcome> = Fact::new("split");
const STRAY: Fact<Stray> = Fact::new("stray");
const LONE_QUOTE: Fact<EnvOutcome> = Fact::new("lone-quote");
const QUOTED_ASSIGNMENT: Fact<ReceivedValue> = Fact::new("quoted-assignment");
const QUOTED_VALUE: Fact<ReceivedValue> = Fact::new("quoted-value");
const EXIT: Fact<ExitStatus> = Fact::new("exit");
const JOURNAL: Fact<Notice> = Fact::new("journal");
const VERIFY: Fact<Notice> = Fact::new("verify");
const VERIFY_EXIT: Fact<ExitStatus> = Fact::new("verify-exit");
const VERIFY_SPLIT: Fact<Notice> = Fact::new("verify-split");
const FILE_SPACES: Fact<EnvOutcome> = Fact::new("file-spaces");
const FILE_LONE_QUOTE: Fact<EnvOutcome> = Fact::new("file-lone-quote");
const FILE_EXPORT: Fact<EnvOutcome> = Fact::new("file-export");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    SPACES.decl(),
    SPLIT.decl(),
    STRAY.decl(),
    LONE_QUOTE.decl(),
    QUOTED_ASSIGNMENT.decl(),
    QUOTED_VALUE.decl(),
    EXIT.decl(),
    JOURNAL.decl(),
    VERIFY.decl(),
    VERIFY_EXIT.decl(),
    VERIFY_SPLIT.decl(),
    FILE_SPACES.decl(),
    FILE_LONE_QUOTE.decl(),
    FILE_EXPORT.decl(),
];

fact_values! {
    /// Whether the variable that only a split value assigns is set.
    enum Stray {
        Set = "set",
        NotSet = "not-set",
    }
}

fact_values! {
    /// Whether a mistake in a unit file is reported.
    enum Notice {
        Reported = "told",
        Silent = "silent",
    }
}

impl Notice {
    fn of(is_reported: bool) -> Self {
        if is_reported { Self::Reported } else { Self::Silent }
    }
}

/// A line that assigns a variable: the fact, the variable, the assignment, and the value that its
/// author expects.
type Line<V> = (Fact<V>, &'static str, &'static str, &'static str);

const BAD_LINES: [Line<EnvOutcome>; 3] = [
    (SPACES, "DOCTOR_A", "DOCTOR_A=a b c", "a b c"),
    (SPLIT, "DOCTOR_B", "DOCTOR_B=a DOCTOR_STRAY=c", "a DOCTOR_STRAY=c"),
    (LONE_QUOTE, "DOCTOR_C", "DOCTOR_C=it's", "it's"),
];
const GOOD_LINES: [Line<ReceivedValue>; 2] = [
    (QUOTED_ASSIGNMENT, "DOCTOR_A", "\"DOCTOR_A=a b c\"", "a b c"),
    (QUOTED_VALUE, "DOCTOR_B", "DOCTOR_B=\"a b c\"", "a b c"),
];
/// The variable that only a split value assigns.
const STRAY_KEY: &str = "DOCTOR_STRAY";
/// Lines of environment files, one file each.
const FILE_LINES: [Line<EnvOutcome>; 3] = [
    (FILE_SPACES, "DOCTOR_A", "DOCTOR_A=a b=c", "a b=c"),
    (FILE_LONE_QUOTE, "DOCTOR_B", "DOCTOR_B=it's", "it's"),
    (FILE_EXPORT, "DOCTOR_C", "export DOCTOR_C=a", "a"),
];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    // Both files are written before the manager looks for the first one.
    let bad = unit(BAD_LINES.map(|line| line.2), "sleep infinity");
    let good = unit(GOOD_LINES.map(|line| line.2), "sleep infinity");
    let [bad, good] = [("bad", bad), ("good", good)]
        .map(|(label, text)| context.unit_file(label, "service", &text));
    let (bad, good) = (Service::start(context, bad?)?, Service::start(context, good?)?);
    let verify = Verify::start(context, &VERIFIED)?;
    let from_files = launch_with_files(context)?;

    let mut measurement = Measurement::default();
    let [good, bad] = finish(context, [good, bad])?;
    for (fact, name, _, value) in GOOD_LINES {
        let received = good.received(name, value).ok_or_else(|| {
            NotMeasured::Unmeasured(format!(
                "a unit file without a mistake was not started: {}",
                good.run.error_summary()
            ))
        })?;
        measurement.set_from(fact, received, &good.run);
    }
    for (fact, name, _, value) in BAD_LINES {
        measurement.set_from(fact, EnvOutcome::from(bad.received(name, value)), &bad.run);
    }
    let is_stray = bad.variable(STRAY_KEY).is_some();
    measurement.set_from(STRAY, if is_stray { Stray::Set } else { Stray::NotSet }, &bad.run);
    measurement.set_from(EXIT, ExitStatus::from(&bad.run), &bad.run);
    measurement.detail("ending", bad.run.exit_description());
    record_journal(context, &bad, &mut measurement)?;
    record_verify(context, verify, &mut measurement)?;
    record_files(from_files, &mut measurement)?;
    Ok(measurement)
}

/// Returns the text of a service with these assignments in its environment.
fn unit<const N: usize>(assignments: [&str; N], command: &str) -> String {
    let lines = assignments.map(|assignment| format!("Environment={assignment}\n")).concat();
    format!("[Unit]\nDefaultDependencies=no\n[Service]\nType=exec\n{lines}ExecStart={command}\n")
}

/// A service of a unit file that is being started.
struct Service {
    file: UnitFile,
    start: Child,
}

/// The same service, once it was started or refused.
struct StartedService {
    file: UnitFile,
    run: Output,
    /// The environment of its process, in which a NUL follows each variable; `None` if it has no
    /// process.
    environment: Option<Vec<u8>>,
}

impl Service {
    fn start(context: &ProbeContext, file: UnitFile) -> Result<Self, NotMeasured> {
        let start = context.systemctl().args(["start", "--", &file.unit]).start()?;
        Ok(Self { file, start })
    }
}

/// Waits until all are started or refused.
fn finish<const N: usize>(
    context: &ProbeContext,
    services: [Service; N],
) -> Result<[StartedService; N], NotMeasured> {
    let mut started = Vec::new();
    for Service { file, start } in services {
        started.push(StartedService { file, run: start.wait()?, environment: None });
    }
    let units: Vec<String> = started.iter().map(|service| service.file.unit.clone()).collect();
    let (shown, show) = UnitProperties::read(context.systemctl(), &units, &["MainPID"])?;
    for (service, shown) in started.iter_mut().zip(shown) {
        service.environment = match shown.get("MainPID") {
            "0" => None,
            pid => Some(fs::read(format!("/proc/{pid}/environ"))?),
        };
    }
    started.try_into().map_err(|_| NotMeasured::Unmeasured(show.error_summary()))
}

impl StartedService {
    /// Returns the value of a variable; `None` if it is not set, or there is no process.
    fn variable(&self, name: &str) -> Option<&[u8]> {
        self.environment
            .as_ref()?
            .split(|&byte| byte == 0)
            .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// Compares a variable with the value that it should have; `None` if there is no process.
    fn received(&self, name: &str, expected: &str) -> Option<ReceivedValue> {
        let is_started = self.environment.is_some();
        is_started.then(|| ReceivedValue::classify(expected.as_bytes(), self.variable(name)))
    }
}

/// Records whether the journal reports the mistakes. Records nothing if the caller cannot read there
/// that the unit was started.
fn record_journal(
    context: &ProbeContext,
    bad: &StartedService,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    if bad.environment.is_some()
        && journal::wait_for(context.access(), &bad.file.unit, Entry::Started)?
    {
        let run = journal::read(context.access(), &bad.file.unit, Entry::InvalidConfiguration)?;
        measurement.set_from(JOURNAL, Notice::of(!run.stdout_text().is_empty()), &run);
    }
    Ok(())
}

/// The lines that `systemd-analyze verify` reads, each in a file called after the first word: one
/// that is cut, one that is split, and one without a mistake.
const VERIFIED: [(&str, &str); 3] = [
    (SPACES.name(), BAD_LINES[0].2),
    (SPLIT.name(), BAD_LINES[1].2),
    (QUOTED_ASSIGNMENT.name(), GOOD_LINES[0].2),
];

/// A running `systemd-analyze verify`.
struct Verify {
    /// A file for each line, in the order of the lines.
    files: Vec<PathBuf>,
    child: Child,
}

impl Verify {
    /// Starts it for unit files of one line each.
    ///
    /// It runs as a service that is stopped by waiting for its end: it keeps directories in /tmp
    /// meanwhile, which stay there if it is killed. It has a runtime directory of its own, because
    /// some versions take over the private socket of the running user manager (systemd issue 36540).
    fn start(context: &ProbeContext, lines: &[(&str, &str)]) -> Result<Self, NotMeasured> {
        let files: Vec<PathBuf> =
            lines.iter().map(|(name, _)| context.dir().join(format!("{name}.service"))).collect();
        for (file, (_, assignment)) in files.iter().zip(lines) {
            // Before systemd 248 verify reports a program without an absolute path as missing.
            fs::write(file, unit([*assignment], "/bin/sh"))?;
        }
        let label = format!("verify_{}", lines[0].0);
        let child = context
            .systemd_run()
            .args(["--quiet", "--collect", "--wait", "--pipe"])
            .arg(format!("--unit={}", context.unit_name(&label, "service")))
            .args(["-p", "KillSignal=SIGCONT", "-p", "TimeoutStopSec=2s"])
            .arg(format!("--setenv=XDG_RUNTIME_DIR={}", context.dir().display()))
            .args(["--", "systemd-analyze", context.settings.manager.option(), "verify"])
            .args(&files)
            .start()?;
        Ok(Self { files, child })
    }
}

/// Records whether `systemd-analyze verify` reports a value that is cut and one that is split.
/// Records nothing if it reports the file without a mistake. If it fails for all files together, each
/// is verified alone.
fn record_verify(
    context: &ProbeContext,
    verify: Verify,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let combined = verify.child.wait()?;
    // A line about a file begins with its name; other lines are about other units.
    let is_reported =
        |run: &Output, file: &Path| run.stderr_text().contains(&*file.to_string_lossy());
    let mut runs = vec![combined; 3];
    if !runs[0].success() {
        for (run, line) in runs.iter_mut().zip(VERIFIED) {
            *run = Verify::start(context, &[line])?.child.wait()?;
        }
    }
    if !runs[2].success() || is_reported(&runs[2], &verify.files[2]) {
        return Ok(());
    }
    for (fact, run, file) in
        [(VERIFY, &runs[0], &verify.files[0]), (VERIFY_SPLIT, &runs[1], &verify.files[1])]
    {
        measurement.set_from(fact, Notice::of(is_reported(run, file)), run);
    }
    measurement.set_from(VERIFY_EXIT, ExitStatus::from(&runs[0]), &runs[0]);
    Ok(())
}

/// Launches a service with environment files of one line each.
fn launch_with_files<'a>(context: &'a ProbeContext<'a>) -> Result<BatchLaunch<'a>, NotMeasured> {
    let mut assignments = Vec::new();
    for (fact, name, assignment, _) in FILE_LINES {
        let file = context.dir().join(fact.name());
        fs::write(&file, format!("{assignment}\n"))?;
        let property = format!("EnvironmentFile={}", file.display());
        assignments.push(EnvAssignment::new(fact.name(), name, ["-p", &property]));
    }
    Ok(BatchLaunch::start(context, UnitType::Service, "files", assignments)?)
}

/// Records what the lines of environment files do.
fn record_files(from_files: BatchLaunch, measurement: &mut Measurement) -> Result<(), NotMeasured> {
    let received = from_files.wait()?;
    for ((fact, name, _, value), received) in FILE_LINES.into_iter().zip(&received) {
        measurement.set_from(fact, received.outcome(name, value.as_bytes()), &received.run);
    }
    if received.iter().any(ReceivedEnv::is_started) {
        return Ok(());
    }
    Err(NotMeasured::Unmeasured(format!(
        "no service with an environment file was started: {}",
        received[0].run.error_summary()
    )))
}
