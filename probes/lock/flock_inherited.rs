//! Whether a lock outlives its holder in a child process, what prevents that, and which sources name
//! the process that keeps it.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::try_lock::{LockState, TryLock, wait_until_free};
use crate::exec::{Child, Command, CommandError, SharedPipe};
use crate::fact_values;
use crate::host::ProcStat;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Which process a source names as the holder.
    enum NamedHolder {
        Child = "names-the-child",
        None = "names-nobody",
    }
}

fact_values! {
    /// What /proc/locks shows of a lock whose taker has exited.
    enum ProcLocks {
        ExitedTaker = "names-the-dead",
        None = "names-nobody",
    }
}

const KILLED: Fact<LockState> = Fact::new("killed");
const ENDED: Fact<LockState> = Fact::new("ended");
const COMMAND: Fact<LockState> = Fact::new("command");
const UNLOCKED: Fact<LockState> = Fact::new("unlocked");
const CLOSED_IN_CHILD: Fact<LockState> = Fact::new("closed-in-child");
const CLOSE_OPTION: Fact<LockState> = Fact::new("close-option");
const FDINFO: Fact<NamedHolder> = Fact::new("fdinfo");
const PROC_LOCKS: Fact<ProcLocks> = Fact::new("proc-locks");
const LSLOCKS: Fact<NamedHolder> = Fact::new("lslocks");
pub(crate) const FACTS: &[FactDecl] = &[
    KILLED.decl(),
    ENDED.decl(),
    COMMAND.decl(),
    UNLOCKED.decl(),
    CLOSED_IN_CHILD.decl(),
    CLOSE_OPTION.decl(),
    FDINFO.decl(),
    PROC_LOCKS.decl(),
    LSLOCKS.decl(),
];

/// Starts a child that inherits the lock's descriptor and runs until its input ends.
const WITH_CHILD: &str =
    r#"exec 9>"$1"; exec 7<&0; flock 9; { echo ready; read -r end; } <&7 & echo $!"#;
/// The same, with the descriptor closed in the child.
const WITHOUT_CHILD: &str =
    r#"exec 9>"$1"; exec 7<&0; flock 9; { echo ready; read -r end; } <&7 9>&- & echo $!"#;
/// The same child, started by the command of `flock LOCK`.
const BELOW_FLOCK: &str = "exec 7<&0; { echo ready; read -r end; } <&7 & echo $!";

/// A process that takes the lock and exits, while its child keeps running.
struct LockHolder {
    fact: Fact<LockState>,
    lock: PathBuf,
    /// The output of the holder and of its child, which may write last.
    output: SharedPipe,
    process: Child,
}

/// The child of a lock holder that has exited.
struct Orphan {
    holder: LockHolder,
    pid: u32,
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let shell = |script: &str, end: &str, lock: &Path| {
        context.command("sh").args(["-c", &format!("{script}{end}"), "sh"]).arg(lock)
    };
    let flock = |options: &[&str], lock: &Path| {
        context.command("flock").args(options).arg(lock).args(["sh", "-c", BELOW_FLOCK])
    };
    let start = |fact: Fact<LockState>, command: &dyn Fn(&Path) -> Command| {
        let lock = context.dir().join(fact.name());
        let output = SharedPipe::new()?;
        let process = command(&lock).piped_stdin().stdout_to(&output)?.start()?;
        Ok::<_, NotMeasured>(LockHolder { fact, lock, output, process })
    };
    let holders = [
        start(KILLED, &|lock| shell(WITH_CHILD, "; kill -s KILL $$", lock))?,
        start(ENDED, &|lock| shell(WITH_CHILD, "", lock))?,
        start(COMMAND, &|lock| flock(&[], lock))?,
        start(UNLOCKED, &|lock| shell(WITH_CHILD, "; flock -u 9", lock))?,
        start(CLOSED_IN_CHILD, &|lock| shell(WITHOUT_CHILD, "; kill -s KILL $$", lock))?,
        start(CLOSE_OPTION, &|lock| flock(&["-o"], lock))?,
    ];
    let orphans: Vec<Orphan> =
        holders.into_iter().map(|holder| holder.wait_exit(context)).collect::<Result<_, _>>()?;

    let locks: Vec<&Path> = orphans.iter().map(|orphan| orphan.holder.lock.as_path()).collect();
    let attempts = TryLock::each(context, &locks)?;
    for orphan in &orphans {
        if !is_running(orphan.pid)? {
            let reason = "a child did not outlive its parent";
            return Err(NotMeasured::Unmeasured(reason.into()));
        }
    }
    let mut measurement = Measurement::default();
    let mut held = Vec::new();
    for (orphan, state) in orphans.into_iter().zip(attempts.states) {
        let is_held = state == LockState::Held;
        if orphan.holder.fact.name() == KILLED.name() && is_held {
            orphan.record_named_holders(context, &mut measurement)?;
        }
        let LockHolder { fact, lock, process, .. } = orphan.holder;
        measurement.add_evidence(fact.name(), &process.wait()?);
        measurement.set_from(fact, state, &attempts.run);
        if is_held {
            held.push(lock);
        }
    }
    // The children exit with their input. If that frees the locks, the children held them.
    wait_until_free(context, &held.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    Ok(measurement)
}

impl LockHolder {
    /// Waits until the holder has exited and its child is ready.
    fn wait_exit(mut self, context: &ProbeContext) -> Result<Orphan, NotMeasured> {
        self.process.wait_exit()?;
        let mut pid = None;
        // One line is the child's id, the other reports that it is ready.
        for _ in 0..2 {
            let Some(line) = self.output.next_line(context.deadline())? else {
                return Err(NotMeasured::Unmeasured("a lock holder started no child".into()));
            };
            pid = pid.or_else(|| line.parse().ok());
        }
        let pid =
            pid.ok_or_else(|| NotMeasured::Unmeasured("a child did not report its id".into()))?;
        Ok(Orphan { holder: self, pid })
    }
}

impl Orphan {
    /// Records which of the usual sources name this process as the holder of the lock.
    fn record_named_holders(
        &self,
        context: &ProbeContext,
        measurement: &mut Measurement,
    ) -> Result<(), NotMeasured> {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/9", self.pid))?;
        let lock = info.lines().find_map(|line| lock_id(line.strip_prefix("lock:")?));
        measurement
            .set(FDINFO, if lock.is_some() { NamedHolder::Child } else { NamedHolder::None });
        if let Some(lock) = lock {
            let locks = fs::read_to_string("/proc/locks")?;
            let is_listed = locks.lines().any(|line| lock_id(line) == Some(lock));
            measurement
                .set(PROC_LOCKS, if is_listed { ProcLocks::ExitedTaker } else { ProcLocks::None });
        }
        let listed =
            context.command("lslocks").args(["--noheadings", "--raw", "--output", "PID"]).run();
        match listed {
            Ok(run) => {
                let pid = self.pid.to_string();
                let is_named = run.stdout_text().lines().any(|line| line.trim() == pid);
                let named = if is_named { NamedHolder::Child } else { NamedHolder::None };
                measurement.set_from(LSLOCKS, named, &run);
            }
            // Some systems do not install lslocks.
            Err(CommandError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Returns the file that a line of /proc/locks or of fdinfo is about: `MAJOR:MINOR:INODE` in a line
/// such as `1: FLOCK  ADVISORY  WRITE 4242 00:1c8:20 0 EOF` (`proc_locks(5)`). Lines with `->` are
/// waiters and yield nothing.
pub(crate) fn lock_id(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace().skip(1);
    (words.next()? == "FLOCK").then(|| words.nth(3))?
}

/// Whether a process exists and is not a zombie.
fn is_running(pid: u32) -> std::io::Result<bool> {
    Ok(ProcStat::of_pid(pid)?.is_some_and(|stat| stat.state != 'Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_identified_by_its_file_in_both_tables() {
        assert_eq!(lock_id("34: FLOCK  ADVISORY  WRITE 26417 00:190:3 0 EOF"), Some("00:190:3"));
        assert_eq!(lock_id("\t1: FLOCK  ADVISORY  WRITE 0 00:1c8:20 0 EOF"), Some("00:1c8:20"));
        for other in
            ["34: -> FLOCK  ADVISORY  WRITE 26436 00:190:3 0 EOF", "1: POSIX  ADVISORY", ""]
        {
            assert_eq!(lock_id(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_that_has_exited_is_not_running() {
        assert!(is_running(std::process::id()).unwrap());
        assert!(!is_running(u32::MAX).unwrap());
    }
}
