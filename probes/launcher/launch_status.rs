//! Launches that exit with 0 though nothing ran, and the options that tell.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::sandbox::{CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// The ways of launching, each with the beginning of its facts' names.
const WAYS: [(&str, &[&str]); 3] =
    [("plain", &[]), ("exec", &["-p", "Type=exec"]), ("wait", &["--wait"])];
/// A directory and a program that are not there.
const MISSING: &str = "/no/such/launch-doctor";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let unstartable = script(sandbox, "unstartable", "#!/no/such/launch-doctor\n")?;
    let startable = script(sandbox, "startable", "#!/bin/sh\nexit 7\n")?;
    let elsewhere = format!("WorkingDirectory={MISSING}");

    let seven = start(sandbox, "seven", &["--wait"], &[path(&startable)?])?;
    let mut launches = Vec::new();
    for (way, options) in WAYS {
        let launch = |what: &str, more: &[&str], command: &[&str]| {
            let fact = format!("{way}-{what}");
            let running = start(sandbox, &fact, &[options, more].concat(), command)?;
            Ok::<_, CommandError>((fact, running))
        };
        launches.push(launch("interpreter", &[], &[path(&unstartable)?])?);
        launches.push(launch("directory", &["-p", &elsewhere], &["true"])?);
        launches.push(launch("program", &[], &[MISSING])?);
    }

    let mut measurement = Measurement::default();
    let mut seven = seven.wait()?;
    // Where no file may be executed, a missing interpreter is not what keeps it from running.
    let can_run_scripts = seven.exit() == Some(7);
    if !can_run_scripts {
        let control = start(sandbox, "control", &["--wait"], &["true"])?.wait()?;
        seven = start(sandbox, "shell", &["--wait"], &["sh", "-c", "exit 7"])?.wait()?;
        if !control.success() || seven.success() {
            return Err(Unable::Unmeasured(format!(
                "a service that succeeds was launched with {}, one that fails with {}: {}",
                control.ending(),
                seven.ending(),
                control.failure()
            )));
        }
    }
    for (fact, running) in launches {
        let run = running.wait()?;
        if can_run_scripts || !fact.ends_with("-interpreter") {
            measurement.fact_from(&fact, exit(&run), &run);
        }
    }
    let passed_on = if seven.exit() == Some(7) { "the-same" } else { "another" };
    measurement.fact_from("wait-status", passed_on, &seven);
    tell_afterwards(sandbox, &mut measurement)?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// An executable file in the probe's directory.
fn script(sandbox: &Sandbox, name: &str, text: &str) -> Result<PathBuf, Unable> {
    let file = sandbox.dir().join(name);
    fs::write(&file, text)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

fn path(file: &Path) -> Result<&str, Unable> {
    file.to_str()
        .ok_or_else(|| Unable::Unmeasured(format!("{} is not UTF-8; set TMPDIR", file.display())))
}

fn start(
    sandbox: &Sandbox,
    label: &str,
    options: &[&str],
    command: &[&str],
) -> Result<Running, CommandError> {
    sandbox
        .systemd_run()
        .args(["--quiet", &format!("--unit={}", sandbox.unit_name(label, "service"))])
        .args(options)
        .arg("--")
        .args(command)
        .start()
}

fn exit(run: &Completed) -> &'static str {
    if run.success() { "zero" } else { "nonzero" }
}

/// Records what the manager says of a plain launch after its end: that it has failed.
fn tell_afterwards(sandbox: &Sandbox, measurement: &mut Measurement) -> Result<(), Unable> {
    let unit = sandbox.unit_name("plain-directory", "service");
    loop {
        // systemctl waits for jobs, and the job of such a unit is done before the unit has ended:
        // its state can only be looked at. Each look takes some milliseconds.
        let run = sandbox
            .systemctl()
            .args(["show", "--property=ActiveState", "--value", "--", &unit])
            .run()?;
        let state = match run.text().as_str() {
            "failed" => "failed",
            "inactive" => "forgotten",
            _ if run.success() => continue,
            _ => {
                return Err(Unable::Unmeasured(format!(
                    "`systemctl show` failed: {}",
                    run.failure()
                )));
            }
        };
        measurement.fact_from("afterwards", state, &run);
        return Ok(());
    }
}

fn summary(measurement: &Measurement) -> String {
    let statuses = |what: &str| {
        WAYS.map(|(way, _)| {
            let fact = format!("{way}-{what}");
            let evidence = measurement.evidence.iter().find(|evidence| evidence.fact == fact);
            let status = evidence.and_then(|evidence| evidence.exit);
            status.map_or_else(|| "?".into(), |status| status.to_string())
        })
        .join("/")
    };
    format!(
        "exit status (plain/Type=exec/--wait) for a missing working directory: {}; interpreter: {}; \
         program: {}",
        statuses("directory"),
        statuses("interpreter"),
        statuses("program"),
    )
}
