//! What a unit file makes of `Environment=KEY=a b c`, who tells of it, and what a file named by
//! `EnvironmentFile=` does with such values.

use std::fs;

use super::delivery::{Delivery, Fate, KEY, Way};
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
/// Lines of an environment file; the variable is always [`KEY`].
const IN_FILE: [Line; 3] = [
    ("file-spaces", KEY, "DOCTOR_VALUE=a b=c", "a b=c"),
    ("file-lone-quote", KEY, "DOCTOR_VALUE=it's", "it's"),
    ("file-export", KEY, "export DOCTOR_VALUE=a", "a"),
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    // Both files are there before the manager looks for the first one.
    let files = [("wrong", WRONG.as_slice()), ("right", &RIGHT)]
        .map(|(label, lines)| sandbox.unit_file(label, "service", &unit(lines, "sleep infinity")));
    let [wrong, right] = files;
    let (wrong, right) = (Service::start(sandbox, wrong?)?, Service::start(sandbox, right?)?);
    let verified = [WRONG[0], WRONG[1], RIGHT[0]].map(|line| start_verify(sandbox, line));
    let from_files = IN_FILE.map(|line| (line, start_with_file(sandbox, line)));

    let mut measurement = Measurement::default();
    let right = right.finish(sandbox)?;
    if right.environment.is_none() {
        return Err(Unable::Unmeasured(format!(
            "a unit file without a mistake was not started: {}",
            right.run.errors()
        )));
    }
    let wrong = wrong.finish(sandbox)?;
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
    tell_verify(verified, &mut measurement)?;
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

    fn finish(self, sandbox: &Sandbox) -> Result<Started, Unable> {
        let run = self.start.wait()?;
        let show = sandbox
            .systemctl()
            .args(["show", "--property=MainPID", "--value", "--", &self.file.unit])
            .run()?;
        if !show.success() {
            return Err(Unable::Unmeasured(format!("`systemctl show` failed: {}", show.errors())));
        }
        let environment = match show.text().as_str() {
            "0" => None,
            pid => Some(fs::read(format!("/proc/{pid}/environ"))?),
        };
        Ok(Started { file: self.file, run, environment })
    }
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

/// Starts `systemd-analyze verify` for a unit file with one line. Gives the file's path, too.
///
/// It runs as a service that is stopped by waiting for its end, because it keeps directories in
/// /tmp meanwhile, which stay there when it is killed. It has a runtime directory of its own,
/// because some versions take the socket of the running user manager away (systemd issue 36540).
fn start_verify(sandbox: &Sandbox, line: Line) -> Result<(String, Running), Unable> {
    let file = sandbox.dir().join(format!("{}.service", line.0));
    // Before systemd 248 only an absolute path counted as a program that is there.
    fs::write(&file, unit(&[line], "/bin/sh"))?;
    let verify = sandbox
        .systemd_run()
        .args(["--quiet", "--collect", "--wait", "--pipe"])
        .arg(format!("--unit={}", sandbox.unit_name(&format!("verify_{}", line.0), "service")))
        .args(["-p", "KillSignal=SIGCONT", "-p", "TimeoutStopSec=2s"])
        .arg(format!("--setenv=XDG_RUNTIME_DIR={}", sandbox.dir().display()))
        .args(["--", "systemd-analyze", sandbox.settings.manager.option(), "verify"])
        .arg(&file);
    Ok((file.to_string_lossy().into_owned(), verify.start()?))
}

/// Records what `systemd-analyze verify` said of a cut value and of a split one; nothing, unless it
/// was content with a file without a mistake.
fn tell_verify(
    verified: [Result<(String, Running), Unable>; 3],
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let [spaces, split, right] = verified;
    let is_right = right?.1.wait()?.success();
    for (fact, verify) in [("verify", spaces), ("verify-split", split)] {
        let (file, running) = verify?;
        let run = running.wait()?;
        if !is_right {
            continue;
        }
        // Its notes begin with the file; whatever else it says is about other units.
        let is_told = run.errors().contains(&file);
        measurement.fact_from(fact, if is_told { "told" } else { "silent" }, &run);
        if fact == "verify" {
            measurement.fact_from("verify-exit", exit(&run), &run);
        }
    }
    Ok(())
}

/// Starts a service with an environment file of one line.
fn start_with_file(
    sandbox: &Sandbox,
    (label, name, assignment, _): Line,
) -> Result<Delivery, Unable> {
    let file = sandbox.dir().join(label);
    fs::write(&file, format!("{assignment}\n"))?;
    Ok(Delivery::start(sandbox, Way::Service, label, &[name], |command| {
        command.arg("-p").arg(format!("EnvironmentFile={}", file.display()))
    })?)
}

/// Records what became of the lines of environment files.
fn tell_files(
    from_files: [(Line, Result<Delivery, Unable>); 3],
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let mut is_any_started = false;
    for ((fact, name, _, value), delivery) in from_files {
        let arrival = delivery?.wait()?;
        is_any_started |= arrival.is_started();
        measurement.fact_from(fact, arrival.fate(name, value.as_bytes()).name(), &arrival.run);
    }
    if is_any_started {
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
