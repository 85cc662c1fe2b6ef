//! What a unit file makes of `Environment=KEY=a b c`, who tells of it, and what a file named by
//! `EnvironmentFile=` does with such values.

use std::fs;
use std::path::{Path, PathBuf};

use super::delivery::{Arrival, Fate, Parcel, Shipment, Way};
use crate::host::UnitProperties;
use crate::host::journal::{self, Entry};
use crate::sandbox::{Completed, Running, Sandbox, UnitFile};
use crate::{Measurement, Unable};

/// Lines of a unit file: the fact, the variable, the assignment, and the value that its author
/// means.
type Line = (&'static str, &'static str, &'static str, &'static str);

const WRONG: [Line; 3] = [
    ("spaces", "DOCTOR_A", "DOCTOR_A=a b c", "a b c"),
    ("split", "DOCTOR_B", "DOCTOR_B=a DOCTOR_STRAY=c", "a DOCTOR_STRAY=c"),
    ("lone-quote", "DOCTOR_C", "DOCTOR_C=it's", "it's"),
];
const RIGHT: [Line; 2] = [
    ("quoted-assignment", "DOCTOR_A", "\"DOCTOR_A=a b c\"", "a b c"),
    ("quoted-value", "DOCTOR_B", "DOCTOR_B=\"a b c\"", "a b c"),
];
/// The variable that nobody meant to set.
const STRAY: &str = "DOCTOR_STRAY";
/// Lines of environment files, a file each.
const IN_FILES: [Line; 3] = [
    ("file-spaces", "DOCTOR_A", "DOCTOR_A=a b=c", "a b=c"),
    ("file-lone-quote", "DOCTOR_B", "DOCTOR_B=it's", "it's"),
    ("file-export", "DOCTOR_C", "export DOCTOR_C=a", "a"),
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    // Both files are there before the manager looks for the first one.
    let files = [("wrong", WRONG.as_slice()), ("right", &RIGHT)]
        .map(|(label, lines)| sandbox.unit_file(label, "service", &unit(lines, "sleep infinity")));
    let [wrong, right] = files;
    let (wrong, right) = (Service::start(sandbox, wrong?)?, Service::start(sandbox, right?)?);
    let verify = Verify::start(sandbox, &[WRONG[0], WRONG[1], RIGHT[0]])?;
    let from_files = start_with_files(sandbox)?;

    let mut measurement = Measurement::default();
    let [right, wrong] = finish(sandbox, [right, wrong])?;
    if right.environment.is_none() {
        return Err(Unable::Unmeasured(format!(
            "a unit file without a mistake was not started: {}",
            right.run.failure()
        )));
    }
    for (service, lines) in [(&wrong, WRONG.as_slice()), (&right, &RIGHT)] {
        for (fact, name, _, value) in lines {
            let fate = Fate::of(value.as_bytes(), service.look_for(name));
            measurement.fact_from(fact, fate.name(), &service.run);
        }
    }
    let is_stray = wrong.look_for(STRAY).flatten().is_some();
    measurement.fact_from("stray", if is_stray { "set" } else { "not-set" }, &wrong.run);
    measurement.fact_from("exit", exit(&wrong.run), &wrong.run);
    tell_journal(sandbox, &wrong, &mut measurement)?;
    tell_verify(sandbox, verify, &mut measurement)?;
    tell_files(from_files, &mut measurement)?;
    measurement.summary = summary(&measurement, &wrong.run);
    Ok(measurement)
}

/// A service with these lines in its environment.
fn unit(lines: &[Line], command: &str) -> String {
    let lines: String =
        lines.iter().map(|(_, _, assignment, _)| format!("Environment={assignment}\n")).collect();
    format!("[Unit]\nDefaultDependencies=no\n[Service]\nType=exec\n{lines}ExecStart={command}\n")
}

fn exit(run: &Completed) -> &'static str {
    if run.success() { "zero" } else { "nonzero" }
}

/// A service of a unit file whose start is under way.
struct Service {
    file: UnitFile,
    start: Running,
}

/// The same service, once it was started or refused.
struct Started {
    file: UnitFile,
    run: Completed,
    /// The environment of its process, its variables behind each other; `None` if there is none.
    environment: Option<Vec<u8>>,
}

impl Service {
    fn start(sandbox: &Sandbox, file: UnitFile) -> Result<Self, Unable> {
        let start = sandbox.systemctl().args(["start", "--", &file.unit]).start()?;
        Ok(Self { file, start })
    }
}

/// Waits until all are started or refused.
fn finish<const N: usize>(
    sandbox: &Sandbox,
    services: [Service; N],
) -> Result<[Started; N], Unable> {
    let mut started = Vec::new();
    for Service { file, start } in services {
        started.push(Started { file, run: start.wait()?, environment: None });
    }
    let units: Vec<String> = started.iter().map(|service| service.file.unit.clone()).collect();
    let (shown, show) = UnitProperties::read(sandbox.systemctl(), &units, &["MainPID"])?;
    for (service, shown) in started.iter_mut().zip(shown) {
        service.environment = match shown.get("MainPID") {
            "0" => None,
            pid => Some(fs::read(format!("/proc/{pid}/environ"))?),
        };
    }
    started.try_into().map_err(|_| Unable::Unmeasured(show.failure()))
}

impl Started {
    /// The value of a variable: `None` if there is no process, `Some(None)` if it is not set.
    fn look_for(&self, name: &str) -> Option<Option<&[u8]>> {
        let mut variables = self.environment.as_ref()?.split(|&byte| byte == 0);
        Some(
            variables
                .find_map(|variable| variable.strip_prefix(name.as_bytes())?.strip_prefix(b"=")),
        )
    }
}

/// Records whether the journal tells of the mistakes; nothing, if it does not even tell the caller
/// that the unit was started.
fn tell_journal(
    sandbox: &Sandbox,
    wrong: &Started,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    if wrong.environment.is_some() && journal::wait_for(sandbox, &wrong.file.unit, Entry::Started)?
    {
        let run = journal::read(sandbox, &wrong.file.unit, Entry::InvalidConfiguration)?;
        let told = if run.text().is_empty() { "silent" } else { "told" };
        measurement.fact_from("journal", told, &run);
    }
    Ok(())
}

/// `systemd-analyze verify` under way.
struct Verify {
    /// A file for each line, in the order of the lines.
    files: Vec<PathBuf>,
    running: Running,
}

impl Verify {
    /// Starts it for unit files of one line each.
    ///
    /// It runs as a service that is stopped by waiting for its end, because it keeps directories in
    /// /tmp meanwhile, which stay there when it is killed. It has a runtime directory of its own,
    /// because some versions take the socket of the running user manager away (systemd issue 36540).
    fn start(sandbox: &Sandbox, lines: &[Line]) -> Result<Self, Unable> {
        let files: Vec<PathBuf> =
            lines.iter().map(|(fact, ..)| sandbox.dir().join(format!("{fact}.service"))).collect();
        for (file, line) in files.iter().zip(lines) {
            // Before systemd 248 only an absolute path counted as a program that is there.
            fs::write(file, unit(&[*line], "/bin/sh"))?;
        }
        let label = format!("verify_{}", lines[0].0);
        let running = sandbox
            .systemd_run()
            .args(["--quiet", "--collect", "--wait", "--pipe"])
            .arg(format!("--unit={}", sandbox.unit_name(&label, "service")))
            .args(["-p", "KillSignal=SIGCONT", "-p", "TimeoutStopSec=2s"])
            .arg(format!("--setenv=XDG_RUNTIME_DIR={}", sandbox.dir().display()))
            .args(["--", "systemd-analyze", sandbox.settings.manager.option(), "verify"])
            .args(&files)
            .start()?;
        Ok(Self { files, running })
    }
}

/// Records what `systemd-analyze verify` said of a cut value and of a split one; nothing, unless it
/// was content with a file without a mistake. Where it ends with an error for all three together,
/// each is verified alone.
fn tell_verify(
    sandbox: &Sandbox,
    verify: Verify,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let together = verify.running.wait()?;
    // Its notes begin with the file; whatever else it says is about other units.
    let is_told = |run: &Completed, file: &Path| run.errors().contains(&*file.to_string_lossy());
    let mut runs = vec![together; 3];
    if !runs[0].success() {
        for (run, line) in runs.iter_mut().zip([WRONG[0], WRONG[1], RIGHT[0]]) {
            *run = Verify::start(sandbox, &[line])?.running.wait()?;
        }
    }
    if !runs[2].success() || is_told(&runs[2], &verify.files[2]) {
        return Ok(());
    }
    for (fact, run, file) in
        [("verify", &runs[0], &verify.files[0]), ("verify-split", &runs[1], &verify.files[1])]
    {
        measurement.fact_from(fact, if is_told(run, file) { "told" } else { "silent" }, run);
    }
    measurement.fact_from("verify-exit", exit(&runs[0]), &runs[0]);
    Ok(())
}

/// Starts a service with environment files of one line each.
fn start_with_files<'a>(sandbox: &'a Sandbox<'a>) -> Result<Shipment<'a>, Unable> {
    let mut parcels = Vec::new();
    for (label, name, assignment, _) in IN_FILES {
        let file = sandbox.dir().join(label);
        fs::write(&file, format!("{assignment}\n"))?;
        let property = format!("EnvironmentFile={}", file.display());
        parcels.push(Parcel::new(label, name, ["-p", &property]));
    }
    Ok(Shipment::start(sandbox, Way::Service, "files", parcels)?)
}

/// Records what became of the lines of environment files.
fn tell_files(from_files: Shipment, measurement: &mut Measurement) -> Result<(), Unable> {
    let arrivals = from_files.wait()?;
    for ((fact, name, _, value), arrival) in IN_FILES.iter().zip(&arrivals) {
        measurement.fact_from(fact, arrival.fate(name, value.as_bytes()).name(), &arrival.run);
    }
    if arrivals.iter().any(Arrival::is_started) {
        return Ok(());
    }
    Err(Unable::Unmeasured("no service with an environment file was started".into()))
}

fn summary(measurement: &Measurement, start: &Completed) -> String {
    let fact = |name: &str| measurement.facts.get(name).map_or("not looked at", String::as_str);
    format!(
        "Environment=KEY=a b c in a unit file was {}, and its start ended with {} (the journal: {}; \
         systemd-analyze verify: {}); in quotes it was {}, in an environment file {}",
        fact("spaces"),
        start.ending(),
        fact("journal"),
        fact("verify"),
        fact("quoted-assignment"),
        fact("file-spaces"),
    )
}
