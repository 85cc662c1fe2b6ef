use std::ffi::OsString;
use std::path::PathBuf;

use crate::exec::{CommandError, Output};
use crate::host::find_in_path;
use crate::sandbox::{NotMeasured, ProbeContext};

/// Variables of the dynamic loader (ld.so(8)) that apply to every program.
pub(crate) const VARIABLES: [&str; 7] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "LD_DEBUG",
    "LD_SHOW_AUXV",
    "LD_TRACE_LOADED_OBJECTS",
    "LD_PROFILE",
];
/// Programs of a launch that print their version, and by that alone show whether they start.
const PROGRAMS: [&str; 4] = ["sh", "systemd-run", "git", "flock"];
/// Starts each program that is an argument. `sh` has no version.
const START_EACH: &str = "for program do case $program in */sh) \"$program\" -c :;; *) \"$program\" --version;; esac \
                          >/dev/null || exit; done";

/// What the variables of the loader do to programs.
pub(crate) enum LoaderEffect {
    /// Every program starts, and writes nothing more.
    None,
    /// One does not start, or writes more than it should.
    Bends(Output),
}

/// Starts programs with the loader variables that the caller has, which doctor's other commands do not get.
pub(crate) fn effect_on_scopes(context: &ProbeContext) -> Result<LoaderEffect, NotMeasured> {
    let set = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let command =
        set.fold(context.command("sh"), |command, (name, value)| command.env(name, value));
    Ok(effect(command.args(start_each()).run()?))
}

/// Starts programs in a service, which has the manager's variables. `None` if its output cannot be received.
pub(crate) fn effect_on_services(
    context: &ProbeContext,
) -> Result<Option<LoaderEffect>, NotMeasured> {
    let unit = context.unit_name("loader", "service");
    let run = context
        .systemd_run()
        .args(["--quiet", "--collect", "--wait", "--pipe"])
        .arg(format!("--unit={unit}"))
        .args(["--", "sh"])
        .args(start_each())
        .run();
    match run {
        Ok(run) => Ok(Some(effect(run))),
        Err(CommandError::Deadline { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn effect(run: Output) -> LoaderEffect {
    if run.success() && run.stderr.is_empty() && run.stdout.is_empty() {
        LoaderEffect::None
    } else {
        LoaderEffect::Bends(run)
    }
}

/// Returns the arguments of a shell that starts each program that this host has.
fn start_each() -> Vec<OsString> {
    let programs = PROGRAMS.into_iter().filter_map(find_in_path).map(PathBuf::into_os_string);
    ["-c", START_EACH, "sh"].into_iter().map(OsString::from).chain(programs).collect()
}
