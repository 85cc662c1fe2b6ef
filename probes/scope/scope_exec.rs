//! What becomes of systemd-run when it starts a scope: whether it turns into the command.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::own_scope::own_scope;
use crate::sandbox::{CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// Opens a file as descriptor 7 and becomes the command behind it.
const WITH_DESCRIPTOR: &str = "exec 7<\"$0\"; exec \"$@\"";
/// Says that it is there, and then waits for a signal, or for the end of its input, without another
/// process that could get it.
const TRAPPING: &str = "trap 'exit 9' TERM; echo ready; read -r line";
/// The program that shows its own process; it is called by its name alone.
const PROGRAM: &str = "cat";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let scope = |words: &[&str]| own_scope(sandbox).arg("--").args(words);
    let mut measurement = Measurement::default();
    // One after the other, because the manager tells every launch under way of all units.
    let showing = scope(&[PROGRAM, "/proc/self/stat", "/proc/self/cmdline"]).start()?;
    let pid = showing.pid();
    let run = showing.wait()?;
    let text = run.text();
    let Some(shown) = Shown::read(&text) else {
        // Without a command that runs, nothing could be said of the others.
        return Err(Unable::Unmeasured(format!("even cat was not run: {}", run.failure())));
    };
    let is_same = shown.pid == pid.to_string();
    measurement.fact_from("process", if is_same { "same" } else { "child" }, &run);
    measurement.fact_from("comm", shown.comm(), &run);
    measurement.fact_from("cmdline", shown.cmdline(), &run);

    let file = sandbox.dir().join("descriptor");
    fs::write(&file, "")?;
    let run = with_descriptor(sandbox, &file)?;
    let is_open = Path::new(&run.text()) == file;
    measurement.fact_from("descriptors", if is_open { "passed" } else { "lost" }, &run);
    let run = scope(&["sh", "-c", "exit 42"]).run()?;
    measurement.fact_from("exit-status", passed(run.exit() == Some(42)), &run);
    // Process group 0 is its own, in which there is nothing else.
    let run = scope(&["sh", "-c", "kill -s KILL 0"]).run()?;
    measurement.fact_from("death", passed(run.signal() == Some(Signal::SIGKILL as i32)), &run);
    let run = terminate(scope(&["sh", "-c", TRAPPING]).with_input().start()?)?.wait()?;
    measurement.fact_from("signal", passed(run.exit() == Some(9)), &run);
    let run = scope(&["/nonexistent/program"]).run()?;
    measurement.fact_from("own-failure", failure(run.exit()), &run);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// A shell opens a file and becomes systemd-run, which is to say what it has as descriptor 7.
fn with_descriptor(sandbox: &Sandbox, file: &Path) -> Result<Completed, CommandError> {
    let shell = ["sh".as_ref(), "-c".as_ref(), WITH_DESCRIPTOR.as_ref(), file.as_os_str()];
    own_scope(sandbox).args(["--", "readlink", "/proc/self/fd/7"]).behind(shell).run()
}

/// Sends SIGTERM to what was started as systemd-run, once its command says that it is there.
fn terminate(mut running: Running) -> Result<Running, Unable> {
    if running.next_line(0)?.as_deref() == Some("ready") {
        let pid = Pid::from_raw(running.pid().cast_signed());
        kill(pid, Signal::SIGTERM).map_err(std::io::Error::from)?;
    }
    Ok(running)
}

fn passed(is_passed: bool) -> &'static str {
    if is_passed { "passed" } else { "lost" }
}

/// How systemd-run tells that there is no such program. A shell says 127.
fn failure(exit: Option<i32>) -> &'static str {
    match exit {
        Some(1) => "exit-1",
        _ => "other",
    }
}

fn summary(measurement: &Measurement) -> String {
    let facts = &measurement.facts;
    let became = match facts["process"].as_str() {
        "same" => "systemd-run became the command, under the same process id",
        _ => "systemd-run started the command as a child",
    };
    format!(
        "{became}; comm: {}, descriptors {}, exit status {}, signals {}",
        facts["comm"], facts["descriptors"], facts["exit-status"], facts["signal"]
    )
}

/// What a process showed of itself.
pub(crate) struct Shown<'a> {
    pid: &'a str,
    comm: &'a str,
    program: &'a str,
}

impl<'a> Shown<'a> {
    /// Reads a line of proc_pid_stat(5), and the first word of a proc_pid_cmdline(5) behind it.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (stat, cmdline) = text.split_once('\n')?;
        let (pid, rest) = stat.split_once(" (")?;
        let (comm, _) = rest.rsplit_once(") ")?;
        Some(Self { pid, comm, program: cmdline.split('\0').next()? })
    }

    pub(crate) fn comm(&self) -> &'static str {
        match self.comm {
            PROGRAM => "command",
            _ => "systemd-run",
        }
    }

    pub(crate) fn cmdline(&self) -> &'static str {
        match Path::new(self.program) {
            path if path == Path::new(PROGRAM) => "as-given",
            path if path.is_absolute() && path.ends_with(PROGRAM) => "full-path",
            _ => "systemd-run",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_what_it_showed_of_itself() {
        let shown = Shown::read("7 (cat) R 1 7 7 0\n/usr/bin/cat\0/proc/self/stat\0").unwrap();
        assert_eq!((shown.pid, shown.comm(), shown.cmdline()), ("7", "command", "full-path"));
        let shown = Shown::read("8 (cat) R 1\ncat\0").unwrap();
        assert_eq!(shown.cmdline(), "as-given");
        let shown = Shown::read("8 (systemd-run) S 1\nsystemd-run\0--user\0").unwrap();
        assert_eq!((shown.comm(), shown.cmdline()), ("systemd-run", "systemd-run"));
        assert!(Shown::read("").is_none());
    }

    #[test]
    fn only_1_is_the_exit_status_of_systemd_runs_own() {
        assert_eq!((failure(Some(1)), failure(Some(127))), ("exit-1", "other"));
        assert_eq!((passed(true), passed(false)), ("passed", "lost"));
    }
}
