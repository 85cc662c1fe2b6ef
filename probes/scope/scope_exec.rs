//! Whether `systemd-run --scope` becomes the command that it starts, and what the command inherits.

use std::fs;
use std::path::Path;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::support::private_scope::quiet_scope;
use crate::exec::{Child, CommandError, Output};
use crate::fact_values;
use crate::host::Cgroup;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Whether the command is the process that was started as systemd-run.
    enum ProcessIdentity {
        Same = "same",
        Child = "child",
    }
}

fact_values! {
    /// Whose name /proc/PID/comm has.
    pub(crate) enum Comm {
        Command = "command",
        SystemdRun = "systemd-run",
    }
}

fact_values! {
    /// What the first word of /proc/PID/cmdline is.
    pub(crate) enum Cmdline {
        FullPath = "full-path",
        AsGiven = "as-given",
        SystemdRun = "systemd-run",
    }
}

fact_values! {
    /// Whether something passes from systemd-run to the command, or back.
    enum Passing {
        Passed = "passed",
        Lost = "lost",
    }
}

fact_values! {
    /// With which exit status systemd-run reports a program that does not exist. A shell has 127.
    enum OwnFailure {
        One = "exit-1",
        Other = "other",
    }
}

fact_values! {
    /// The cgroup of a process that the command of a scope starts.
    enum ScopeChild {
        Scope = "scope",
        Elsewhere = "elsewhere",
    }
}

fact_values! {
    /// The cgroup of a process that a launcher starts without systemd-run.
    enum UnwrappedChild {
        Launcher = "launcher",
        Elsewhere = "elsewhere",
    }
}

const PROCESS: Fact<ProcessIdentity> = Fact::new("process");
const COMM: Fact<Comm> = Fact::new("comm");
const CMDLINE: Fact<Cmdline> = Fact::new("cmdline");
const DESCRIPTORS: Fact<Passing> = Fact::new("descriptors");
const EXIT_STATUS: Fact<Passing> = Fact::new("exit-status");
const DEATH: Fact<Passing> = Fact::new("death");
const SIGNAL: Fact<Passing> = Fact::new("signal");
const OWN_FAILURE: Fact<OwnFailure> = Fact::new("own-failure");
const SCOPE_CHILD: Fact<ScopeChild> = Fact::new("scope-child");
const UNWRAPPED_CHILD: Fact<UnwrappedChild> = Fact::new("unwrapped-child");
pub(crate) const FACTS: &[FactDecl] = &[
    PROCESS.decl(),
    COMM.decl(),
    CMDLINE.decl(),
    DESCRIPTORS.decl(),
    EXIT_STATUS.decl(),
    DEATH.decl(),
    SIGNAL.decl(),
    OWN_FAILURE.decl(),
    SCOPE_CHILD.decl(),
    UNWRAPPED_CHILD.decl(),
];

/// Opens a file as descriptor 7 and executes the command that follows.
const WITH_DESCRIPTOR: &str = "exec 7<\"$0\"; exec \"$@\"";
/// Announces itself and waits for a signal, or for the end of its input, without a second process
/// that could receive the signal.
const TRAPPING: &str = "trap 'exit 9' TERM; echo ready; read -r line";
/// Prints the shell's own cgroup and that of a child, with an empty line between them, without `$$`
/// and `${…}`, which systemd 258 and later expand before the shell does.
const PRINT_CGROUPS: &str = "while read -r line; do echo \"$line\"; done </proc/self/cgroup; echo; \
     cat /proc/self/cgroup; exit 42";
/// The program that prints its own process; it is called by its name alone.
const PROGRAM: &str = "cat";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let scope = |argv: &[&str]| quiet_scope(context).arg("--").args(argv);
    let mut measurement = Measurement::default();
    // One launch after the other: the manager sends every launch in progress a signal for each
    // unit.
    let printing = scope(&[PROGRAM, "/proc/self/stat", "/proc/self/cmdline"]).start()?;
    let pid = printing.pid();
    let run = printing.wait()?;
    let text = run.stdout_text();
    let Some(printed) = ProcessSelf::parse(&text) else {
        return Err(NotMeasured::Unmeasured(format!(
            "no command could be started in a scope: {}",
            run.error_summary()
        )));
    };
    let is_same = printed.pid == pid.to_string();
    let value = if is_same { ProcessIdentity::Same } else { ProcessIdentity::Child };
    measurement.set_from(PROCESS, value, &run);
    measurement.set_from(COMM, printed.comm(), &run);
    measurement.set_from(CMDLINE, printed.cmdline(), &run);

    let file = context.dir().join("descriptor");
    fs::write(&file, "")?;
    let run = with_descriptor(context, &file)?;
    let is_open = Path::new(&run.stdout_text()) == file;
    measurement.set_from(DESCRIPTORS, passing(is_open), &run);
    let run = scope(&["sh", "-c", PRINT_CGROUPS]).run()?;
    measurement.set_from(EXIT_STATUS, passing(run.exit() == Some(42)), &run);
    let own = Cgroup::of_pid(std::process::id())?;
    measurement.set_from(SCOPE_CHILD, scope_child(&run.stdout_text(), &own), &run);
    // 0 is the shell's own process group, which contains no other process.
    let run = scope(&["sh", "-c", "kill -s KILL 0"]).run()?;
    measurement.set_from(DEATH, passing(run.signal() == Some(Signal::SIGKILL as i32)), &run);
    let run = terminate(scope(&["sh", "-c", TRAPPING]).piped_stdin().start()?)?.wait()?;
    measurement.set_from(SIGNAL, passing(run.exit() == Some(9)), &run);
    let run = scope(&["/nonexistent/program"]).run()?;
    let value = if run.exit() == Some(1) { OwnFailure::One } else { OwnFailure::Other };
    measurement.set_from(OWN_FAILURE, value, &run);

    let run = context.command("cat").arg("/proc/self/cgroup").run()?;
    let is_inherited = Cgroup::parse(&run.stdout_text()) == Some(own);
    let value = if is_inherited { UnwrappedChild::Launcher } else { UnwrappedChild::Elsewhere };
    measurement.set_from(UNWRAPPED_CHILD, value, &run);
    Ok(measurement)
}

/// Starts systemd-run from a shell that has opened a file, and lets the command print its
/// descriptor 7.
fn with_descriptor(context: &ProbeContext, file: &Path) -> Result<Output, CommandError> {
    let shell = ["sh".as_ref(), "-c".as_ref(), WITH_DESCRIPTOR.as_ref(), file.as_os_str()];
    quiet_scope(context).args(["--", "readlink", "/proc/self/fd/7"]).wrapped_in(shell).run()
}

/// Sends SIGTERM to the process that was started as systemd-run, once its command is ready.
fn terminate(mut running: Child) -> Result<Child, NotMeasured> {
    if running.next_line(0)?.as_deref() == Some("ready") {
        let pid = Pid::from_raw(running.pid().cast_signed());
        kill(pid, Signal::SIGTERM).map_err(std::io::Error::from)?;
    }
    Ok(running)
}

fn passing(is_passed: bool) -> Passing {
    if is_passed { Passing::Passed } else { Passing::Lost }
}

/// Reads the cgroups of a command and of its child, with an empty line between them; `own` is the
/// cgroup from which the scope was started.
fn scope_child(printed: &str, own: &Cgroup) -> ScopeChild {
    let (command, child) = printed.split_once("\n\n").unwrap_or_default();
    let is_scope = |cgroup: &Cgroup| {
        cgroup != own
            && cgroup.units().last().is_some_and(|unit| unit.strip_suffix(".scope").is_some())
    };
    match (Cgroup::parse(command).filter(is_scope), Cgroup::parse(child)) {
        (Some(command), Some(child)) if command == child => ScopeChild::Scope,
        _ => ScopeChild::Elsewhere,
    }
}

/// What a process printed of itself.
pub(crate) struct ProcessSelf<'a> {
    pid: &'a str,
    comm: &'a str,
    program: &'a str,
}

impl<'a> ProcessSelf<'a> {
    /// Reads a line of `proc_pid_stat(5)`, followed by a `proc_pid_cmdline(5)`.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (stat, cmdline) = text.split_once('\n')?;
        let (pid, rest) = stat.split_once(" (")?;
        let (comm, _) = rest.rsplit_once(") ")?;
        Some(Self { pid, comm, program: cmdline.split('\0').next()? })
    }

    pub(crate) fn comm(&self) -> Comm {
        match self.comm {
            PROGRAM => Comm::Command,
            _ => Comm::SystemdRun,
        }
    }

    pub(crate) fn cmdline(&self) -> Cmdline {
        match Path::new(self.program) {
            path if path == Path::new(PROGRAM) => Cmdline::AsGiven,
            path if path.is_absolute() && path.ends_with(PROGRAM) => Cmdline::FullPath,
            _ => Cmdline::SystemdRun,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_read_from_what_it_printed_of_itself() {
        let text = "7 (cat) R 1 7 7 0\n/usr/bin/cat\0/proc/self/stat\0";
        let printed = ProcessSelf::parse(text).unwrap();
        assert_eq!(printed.pid, "7");
        assert_eq!((printed.comm(), printed.cmdline()), (Comm::Command, Cmdline::FullPath));
        let printed = ProcessSelf::parse("8 (a) b) R 1\ncat\0").unwrap();
        assert_eq!((printed.comm, printed.cmdline()), ("a) b", Cmdline::AsGiven));
        assert!(ProcessSelf::parse("").is_none());
    }

    #[test]
    fn a_child_is_in_the_scope_only_if_the_command_is() {
        let own = Cgroup::from_path("/session-1.scope");
        let child = |command, child| scope_child(&format!("0::{command}\n\n0::{child}\n"), &own);
        assert_eq!(child("/a.slice/b.scope", "/a.slice/b.scope"), ScopeChild::Scope);
        assert_eq!(child("/a.slice/b.scope", "/a.slice/c.scope"), ScopeChild::Elsewhere);
        assert_eq!(child("/a.service", "/a.service"), ScopeChild::Elsewhere);
        assert_eq!(child("/session-1.scope", "/session-1.scope"), ScopeChild::Elsewhere);
        assert_eq!(scope_child("garbage", &own), ScopeChild::Elsewhere);
    }
}
