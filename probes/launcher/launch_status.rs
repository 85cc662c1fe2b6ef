//! Measures launches that exit with 0 although nothing ran, and the options that report it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::support::exit_status::{ExitStatus, ReturnedStatus};
use crate::exec::{Child, CommandError};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// The options of a launch, and a fact for each fault.
struct LaunchMode {
    options: &'static [&'static str],
    interpreter: Fact<ExitStatus>,
    directory: Fact<ExitStatus>,
    program: Fact<ExitStatus>,
}

const PLAIN: LaunchMode = LaunchMode {
    options: &[],
    interpreter: Fact::new("plain-interpreter"),
    directory: Fact::new("plain-directory"),
    program: Fact::new("plain-program"),
};
const EXEC: LaunchMode = LaunchMode {
    options: &["-p", "Type=exec"],
    interpreter: Fact::new("exec-interpreter"),
    directory: Fact::new("exec-directory"),
    program: Fact::new("exec-program"),
};
const WAIT: LaunchMode = LaunchMode {
    options: &["--wait"],
    interpreter: Fact::new("wait-interpreter"),
    directory: Fact::new("wait-directory"),
    program: Fact::new("wait-program"),
};
const WAIT_STATUS: Fact<ReturnedStatus> = Fact::new("wait-status");
const AFTERWARDS: Fact<Afterwards> = Fact::new("afterwards");

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    PLAIN.interpreter.decl(),
    PLAIN.directory.decl(),
    PLAIN.program.decl(),
    EXEC.interpreter.decl(),
    EXEC.directory.decl(),
    EXEC.program.decl(),
    WAIT.interpreter.decl(),
    WAIT.directory.decl(),
    WAIT.program.decl(),
    WAIT_STATUS.decl(),
    AFTERWARDS.decl(),
];

fact_values! {
    /// The state of a unit whose service could not be started.
    enum Afterwards {
        Failed = "failed",
        Forgotten = "forgotten",
    }
}

/// A directory and a program that do not exist.
const MISSING: &str = "/no/such/launch-doctor";
/// The status that the startable script exits with.
const STATUS: i32 = 7;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let unstartable = script(context, "unstartable", "#!/no/such/launch-doctor\n")?;
    let startable = script(context, "startable", &format!("#!/bin/sh\nexit {STATUS}\n"))?;
    let missing_dir = ["-p", &format!("WorkingDirectory={MISSING}")];

    let exit_7 = start(context, "exit_7", WAIT.options, &[path(&startable)?])?;
    let mut launches = Vec::new();
    for mode in [PLAIN, EXEC, WAIT] {
        let launch = |fact: Fact<ExitStatus>, options: &[&str], command: &[&str]| {
            let options = [mode.options, options].concat();
            Ok::<_, CommandError>((fact, start(context, fact.name(), &options, command)?))
        };
        launches.push([
            launch(mode.interpreter, &[], &[path(&unstartable)?])?,
            launch(mode.directory, &missing_dir, &["true"])?,
            launch(mode.program, &[], &[MISSING])?,
        ]);
    }

    let mut measurement = Measurement::default();
    let mut exit_7 = exit_7.wait()?;
    // Where no file may be executed, a script does not run whatever its interpreter.
    let can_run_scripts = exit_7.exit() == Some(STATUS);
    if !can_run_scripts {
        let control = start(context, "control", WAIT.options, &["true"])?.wait()?;
        let command = format!("exit {STATUS}");
        exit_7 = start(context, "shell", WAIT.options, &["sh", "-c", &command])?.wait()?;
        if !control.success() || exit_7.success() {
            return Err(NotMeasured::Unmeasured(format!(
                "a service that succeeds was launched with {}, one that fails with {}: {}",
                control.exit_description(),
                exit_7.exit_description(),
                control.error_summary()
            )));
        }
    }
    let mut statuses: [Vec<String>; 3] = Default::default();
    for launches in launches {
        for ((fact, child), statuses) in launches.into_iter().zip(&mut statuses) {
            let run = child.wait()?;
            let is_measured = can_run_scripts || !fact.name().ends_with("-interpreter");
            if is_measured {
                measurement.set_from(fact, ExitStatus::from(&run), &run);
            }
            let status = run.exit().filter(|_| is_measured);
            statuses.push(status.map_or_else(|| "?".into(), |status| status.to_string()));
        }
    }
    for (fault, statuses) in ["interpreter", "directory", "program"].iter().zip(&statuses) {
        measurement.detail(fault, statuses.join("/"));
    }
    measurement.set_from(WAIT_STATUS, ReturnedStatus::of(&exit_7, STATUS), &exit_7);
    record_state(context, &mut measurement)?;
    Ok(measurement)
}

/// Writes an executable file into the probe's directory.
fn script(context: &ProbeContext, name: &str, text: &str) -> Result<PathBuf, NotMeasured> {
    let file = context.dir().join(name);
    fs::write(&file, text)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(file)
}

fn path(file: &Path) -> Result<&str, NotMeasured> {
    file.to_str().ok_or_else(|| {
        NotMeasured::Unmeasured(format!("{} is not UTF-8; set TMPDIR", file.display()))
    })
}

fn start(
    context: &ProbeContext,
    label: &str,
    options: &[&str],
    command: &[&str],
) -> Result<Child, CommandError> {
    context
        .systemd_run()
        .args(["--quiet", &format!("--unit={}", context.unit_name(label, "service"))])
        .args(options)
        .arg("--")
        .args(command)
        .start()
}

/// Records the state of the plain launch without a working directory, once it has ended.
fn record_state(context: &ProbeContext, measurement: &mut Measurement) -> Result<(), NotMeasured> {
    let unit = context.unit_name(PLAIN.directory.name(), "service");
    loop {
        // systemctl waits for jobs, and the job of such a unit is done before the unit has ended.
        // So its state is polled; each poll takes some milliseconds.
        let run = context
            .systemctl()
            .args(["show", "--property=ActiveState", "--value", "--", &unit])
            .run()?;
        let state = match run.stdout_text().as_str() {
            "failed" => Afterwards::Failed,
            "inactive" => Afterwards::Forgotten,
            _ if run.success() => continue,
            _ => {
                return Err(NotMeasured::Unmeasured(format!(
                    "`systemctl show` failed: {}",
                    run.error_summary()
                )));
            }
        };
        measurement.set_from(AFTERWARDS, state, &run);
        return Ok(());
    }
}
