//! What a run leaves behind: nothing, whichever way it ends.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use serial_test::serial;
use tempfile::TempDir;

/// How long what must happen may take: a bound, not a delay.
const BOUND: Duration = Duration::from_secs(8);

/// The same for a probe's turn, since the doctors of other tests run one after the other.
const TURN_BOUND: Duration = Duration::from_secs(60);

/// A `flock` that hangs: it ignores SIGTERM and leaves a child in a session of its own, which keeps
/// the pipes open. It prints its version, which the doctor asks for first.
const HANGING_FLOCK: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo flock from util-linux 2.41; exit 0; }
trap '' TERM
setsid sh -c 'trap "" TERM HUP; : >"$0"; exec sleep 86399' "$DOCTOR_TEST_DIR/detached" &
exec sleep 86399
"#;

/// A host with the hanging flock in front of the real programs.
struct Host {
    dir: TempDir,
    /// What was seen of its runs. The doctor and its workers hide their environment from everyone but root.
    started: RefCell<BTreeSet<Process>>,
}

impl Host {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let flock = dir.path().join("flock");
        fs::write(&flock, HANGING_FLOCK).unwrap();
        fs::set_permissions(&flock, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Self { dir, started: RefCell::default() }
    }

    fn doctor(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_doctor"));
        let path = format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
        command
            .args(["check", "flock-order"])
            .args(args)
            .env("PATH", path)
            .env("TMPDIR", self.dir.path().join("tmp"))
            .env("DOCTOR_TEST_DIR", self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Starts a run and waits until its probe hangs.
    fn hanging_doctor(&self, args: &[&str]) -> Child {
        let child = self.doctor(args).spawn().unwrap();
        let detached = self.dir.path().join("detached");
        wait_within(TURN_BOUND, "the probe hangs", || detached.exists());
        self.started.borrow_mut().extend(tree(child.id()));
        child
    }

    /// The processes of its runs that are running: they were seen to be started, or have its directory in
    /// their environment.
    fn survivors(&self) -> BTreeSet<Process> {
        let marker = format!("DOCTOR_TEST_DIR={}", self.dir.path().display());
        let started = self.started.borrow();
        let is_marked = |process: &Process| {
            let environ = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
            environ.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes())
        };
        processes()
            .map(|(process, _)| process)
            .filter(|process| started.contains(process) || is_marked(process))
            .collect()
    }

    #[track_caller]
    fn assert_clean(&self) {
        wait_until("all processes have ended", || self.survivors().is_empty());
        wait_until("all files are removed", || is_empty(&self.dir.path().join("tmp")));
    }
}

/// A process: its id may be another's later, with another start time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Process {
    pid: u32,
    start: u64,
}

/// All processes that have not exited, each with the id of its parent.
fn processes() -> impl Iterator<Item = (Process, u32)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // proc_pid_stat(5): the state is the third field, the start time the 22nd.
        let is_running = !matches!(fields[0], "Z" | "X");
        is_running.then(|| {
            Some((Process { pid, start: fields[19].parse().ok()? }, fields[1].parse().ok()?))
        })?
    })
}

/// A process and all that it started.
fn tree(root: u32) -> BTreeSet<Process> {
    let all: Vec<(Process, u32)> = processes().collect();
    let mut pids = BTreeSet::from([root]);
    while all.iter().any(|(process, parent)| pids.contains(parent) && pids.insert(process.pid)) {}
    all.into_iter().map(|(process, _)| process).filter(|it| pids.contains(&it.pid)).collect()
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

/// Looks until something is so, for [`BOUND`] at the most.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    wait_within(BOUND, what, is_so);
}

#[track_caller]
fn wait_within(bound: Duration, what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < bound, "not so within {bound:?}: {what}");
        std::thread::yield_now();
    }
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[test]
#[serial]
fn a_probe_that_hangs_is_unmeasured_at_its_deadline_and_its_whole_tree_is_killed() {
    let host = Host::new();
    let child = host.hanging_doctor(&["--timeout", "1", "--format", "json"]);
    let started = Instant::now();
    let output = child.wait_with_output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["probes"][0]["verdict"], "unmeasured");
    let reason = report["probes"][0]["reason"].as_str().unwrap();
    // Not 1.0 s: that command may have been started well after its probe.
    assert!(
        reason.contains("was still running after ") && reason.contains(" s and was killed"),
        "{reason}"
    );
    host.assert_clean();
}

#[rstest]
#[serial]
fn a_signal_ends_the_run_and_nothing_is_left(
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP)] ending: Signal,
) {
    let host = Host::new();
    let child = host.hanging_doctor(&[]);
    signal(child.id().cast_signed(), ending);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"");
    host.assert_clean();
}

/// A shell that becomes the doctor hands it its background jobs; systemd hands the main process of a
/// service with `PAMName`= the process that holds the login session.
#[test]
#[serial]
fn children_that_the_doctor_did_not_start_are_left_alone() {
    let output = Command::new("sh")
        .args(["-c", "sleep 86397 </dev/null >/dev/null 2>&1 & echo $! >&2; exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_doctor"), "check", "flock-order"])
        .output()
        .unwrap();
    let job: i32 = String::from_utf8(output.stderr).unwrap().trim().parse().unwrap();
    let name = fs::read_to_string(format!("/proc/{job}/comm")).unwrap_or_default();
    let state = fs::read_to_string(format!("/proc/{job}/stat")).unwrap_or_default();
    let _ = kill(Pid::from_raw(job), Signal::SIGKILL);
    assert_eq!(name, "sleep\n", "the job was ended: {state}");
    assert!(!state.contains(") T ") && !state.contains(") Z "), "{state}");
}

#[test]
#[serial]
fn when_the_doctor_is_killed_its_workers_clean_up() {
    let host = Host::new();
    let mut child = host.hanging_doctor(&[]);
    child.kill().unwrap();
    child.wait().unwrap();
    host.assert_clean();
}

#[test]
#[serial]
fn what_a_run_left_that_was_killed_with_its_workers_is_swept_by_the_next() {
    let host = Host::new();
    let mut child = host.hanging_doctor(&[]);
    // First all are stopped, so that none can clean up after another. A shell that is still on its
    // way to the lock may start a process meanwhile, or end.
    let mut all = BTreeSet::new();
    loop {
        let found = tree(child.id());
        let new: Vec<Process> = found.into_iter().filter(|process| all.insert(*process)).collect();
        if new.is_empty() {
            break;
        }
        for process in new {
            let _ = kill(Pid::from_raw(process.pid.cast_signed()), Signal::SIGSTOP);
        }
    }
    for process in &all {
        let _ = kill(Pid::from_raw(process.pid.cast_signed()), Signal::SIGKILL);
    }
    host.started.borrow_mut().extend(all);
    child.wait().unwrap();
    let tmp = host.dir.path().join("tmp");
    assert!(!is_empty(&tmp), "the killed run could not clean up");
    let output = host.doctor(&["--skip", "lock"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "nothing selected, and swept all the same");
    host.assert_clean();
}
