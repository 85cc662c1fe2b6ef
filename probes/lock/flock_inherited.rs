//! Whether a lock outlives its taker in a child, what prevents that, and who says who holds it.

use std::fs;
use std::path::{Path, PathBuf};

use super::attempts::{Attempts, await_free};
use crate::sandbox::{Command, CommandError, Running, Sandbox, SharedOutput};
use crate::{Measurement, Unable};

/// A child that inherits the lock's descriptor and lives until its input ends.
const WITH_CHILD: &str =
    r#"exec 9>"$1"; exec 7<&0; flock 9; { echo ready; read -r end; } <&7 & echo $!"#;
/// The same, without the descriptor in the child.
const WITHOUT_CHILD: &str =
    r#"exec 9>"$1"; exec 7<&0; flock 9; { echo ready; read -r end; } <&7 9>&- & echo $!"#;
/// The same child, of a command that runs under `flock LOCK`.
const BELOW_FLOCK: &str = "exec 7<&0; { echo ready; read -r end; } <&7 & echo $!";

/// A taker of the lock that leaves a child behind when it ends.
struct Taker {
    fact: &'static str,
    lock: PathBuf,
    /// What the taker writes, and its child, which may be later.
    output: SharedOutput,
    running: Running,
}

/// A taker that has ended, and its child that lives.
struct Left {
    taker: Taker,
    child: u32,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let shell = |script: &str, end: &str, lock: &Path| {
        sandbox.command("sh").args(["-c", &format!("{script}{end}"), "sh"]).arg(lock)
    };
    let flock = |options: &[&str], lock: &Path| {
        sandbox.command("flock").args(options).arg(lock).args(["sh", "-c", BELOW_FLOCK])
    };
    let start = |fact: &'static str, command: &dyn Fn(&Path) -> Command| {
        let lock = sandbox.dir().join(fact);
        let output = SharedOutput::new()?;
        let running = command(&lock).with_input().output_to(&output)?.start()?;
        Ok::<_, Unable>(Taker { fact, lock, output, running })
    };
    let takers = [
        start("killed", &|lock| shell(WITH_CHILD, "; kill -s KILL $$", lock))?,
        start("ended", &|lock| shell(WITH_CHILD, "", lock))?,
        start("command", &|lock| flock(&[], lock))?,
        start("unlocked", &|lock| shell(WITH_CHILD, "; flock -u 9", lock))?,
        start("closed-in-child", &|lock| shell(WITHOUT_CHILD, "; kill -s KILL $$", lock))?,
        start("close-option", &|lock| flock(&["-o"], lock))?,
    ];
    let left: Vec<Left> =
        takers.into_iter().map(|taker| taker.leave(sandbox)).collect::<Result<_, _>>()?;

    let locks: Vec<&Path> = left.iter().map(|left| left.taker.lock.as_path()).collect();
    let attempts = Attempts::at(sandbox, &locks)?;
    if !left.iter().all(|left| is_alive(left.child)) {
        return Err(Unable::Unmeasured("a child that was to outlive its parent did not".into()));
    }
    let mut measurement = Measurement::default();
    let mut held = Vec::new();
    for (left, state) in left.into_iter().zip(attempts.states) {
        let is_held = state == "held";
        if left.taker.fact == "killed" && is_held {
            left.tell_who_holds(sandbox, &mut measurement)?;
        }
        let Taker { fact, lock, running, .. } = left.taker;
        measurement.evidence.push(running.wait()?.evidence(fact));
        measurement.fact_from(fact, state, &attempts.run);
        if is_held {
            held.push(lock);
        }
    }
    // The children end with their input: if the locks are free then, it was they that held them.
    await_free(sandbox, &held.iter().map(PathBuf::as_path).collect::<Vec<_>>())?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

impl Taker {
    /// Waits until the taker has ended and its child is ready.
    fn leave(mut self, sandbox: &Sandbox) -> Result<Left, Unable> {
        self.running.await_end()?;
        let mut child = None;
        // One line is the child's id, the other says that it is ready.
        for _ in 0..2 {
            let Some(line) = self.output.next_line(sandbox.deadline())? else {
                return Err(Unable::Unmeasured("no child was left behind".into()));
            };
            child = child.or_else(|| line.parse().ok());
        }
        let child =
            child.ok_or_else(|| Unable::Unmeasured("a child did not tell its id".into()))?;
        Ok(Left { taker: self, child })
    }
}

impl Left {
    /// Records which of the usual places tell that the child holds the lock.
    fn tell_who_holds(
        &self,
        sandbox: &Sandbox,
        measurement: &mut Measurement,
    ) -> Result<(), Unable> {
        let info = fs::read_to_string(format!("/proc/{}/fdinfo/9", self.child))?;
        let lock = info.lines().find_map(|line| lock_id(line.strip_prefix("lock:")?));
        measurement.fact("fdinfo", if lock.is_some() { "names-the-child" } else { "names-nobody" });
        if let Some(lock) = lock {
            let locks = fs::read_to_string("/proc/locks")?;
            let is_listed = locks.lines().any(|line| lock_id(line) == Some(lock));
            measurement
                .fact("proc-locks", if is_listed { "names-the-dead" } else { "names-nobody" });
        }
        let listed =
            sandbox.command("lslocks").args(["--noheadings", "--raw", "--output", "PID"]).run();
        match listed {
            Ok(run) => {
                let child = self.child.to_string();
                let is_named = run.text().lines().any(|pid| pid.trim() == child);
                let value = if is_named { "names-the-child" } else { "names-nobody" };
                measurement.fact_from("lslocks", value, &run);
            }
            // Not every system has it.
            Err(CommandError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn summary(measurement: &Measurement) -> String {
    let of = |fact: &str| measurement.facts.get(fact).map_or("not measured", String::as_str);
    format!(
        "with a child that inherits it, a lock is {} when its taker was killed, {} when it ended, {} \
         behind `flock FILE COMMAND`; {} after flock -u, {} with 9>&- for the child, {} with flock -o",
        of("killed"),
        of("ended"),
        of("command"),
        of("unlocked"),
        of("closed-in-child"),
        of("close-option"),
    )
}

/// Which file a line of /proc/locks or of fdinfo speaks of: `MAJOR:MINOR:INODE` in a line such as
/// `1: FLOCK  ADVISORY  WRITE 4242 00:1c8:20 0 EOF` (proc_locks(5)). Waiters, behind `->`, do not
/// count.
pub(crate) fn lock_id(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace().skip(1);
    (words.next()? == "FLOCK").then(|| words.nth(3))?
}

/// Whether a process is there and is more than a zombie.
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_known_by_its_file_in_both_tables() {
        let of = |line| lock_id(line);
        assert_eq!(of("34: FLOCK  ADVISORY  WRITE 26417 00:190:3 0 EOF"), Some("00:190:3"));
        assert_eq!(of("\t1: FLOCK  ADVISORY  WRITE 0 00:1c8:20 0 EOF"), Some("00:1c8:20"));
        for other in
            ["34: -> FLOCK  ADVISORY  WRITE 26436 00:190:3 0 EOF", "1: POSIX  ADVISORY", ""]
        {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_that_is_gone_is_not_alive() {
        assert!(is_alive(std::process::id()));
        assert!(!is_alive(u32::MAX));
    }
}
