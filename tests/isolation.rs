//! What a run leaves behind: nothing, whichever way it ends.

mod lab;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lab::Release::*;
use lab::{Machine, Release};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rstest::rstest;
use tempfile::TempDir;

/// How long what must happen may take: a bound, not a delay.
const BOUND: Duration = Duration::from_secs(8);

/// A `flock` that hangs: it ignores SIGTERM and leaves a child in a session of its own, which keeps
/// the pipes open. Its version it tells, as the doctor asks for that first.
const HANGING_FLOCK: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo flock from util-linux 2.41; exit 0; }
trap '' TERM
setsid sh -c 'trap "" TERM HUP; : >"$0"; exec sleep 86399' "$DOCTOR_TEST_DIR/detached" &
exec sleep 86399
"#;

/// A host with the hanging flock in front of the real programs.
struct Host {
    dir: TempDir,
}

impl Host {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let flock = dir.path().join("flock");
        fs::write(&flock, HANGING_FLOCK).unwrap();
        fs::set_permissions(&flock, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        Self { dir }
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
    fn hanging_doctor(&self) -> Child {
        let child = self.doctor(&[]).spawn().unwrap();
        let detached = self.dir.path().join("detached");
        wait_until("the probe hangs", || detached.exists());
        child
    }

    /// The processes of the run that still live: all have its directory in their environment.
    fn survivors(&self) -> Vec<i32> {
        let marker = format!("DOCTOR_TEST_DIR={}", self.dir.path().display());
        processes()
            .filter(|pid| {
                let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
                environ.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes())
            })
            .collect()
    }

    #[track_caller]
    fn assert_clean(&self) {
        wait_until("all processes are gone", || self.survivors().is_empty());
        wait_until("all files are gone", || is_empty(&self.dir.path().join("tmp")));
    }
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

/// Looks until something is so, for [`BOUND`] at the most.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < BOUND, "not so within {BOUND:?}: {what}");
        std::thread::yield_now();
    }
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).unwrap();
}

#[test]
fn a_probe_that_hangs_is_unmeasured_at_its_deadline_and_its_whole_tree_is_killed() {
    let host = Host::new();
    let started = Instant::now();
    let output = host.doctor(&["--timeout", "1", "--format", "json"]).output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["probes"][0]["verdict"], "unmeasured");
    let reason = report["probes"][0]["reason"].as_str().unwrap();
    // Not 1.0 s: that command may have been started well after its probe.
    assert!(
        reason.contains("had not ended after ") && reason.contains(" s and was killed"),
        "{reason}"
    );
    host.assert_clean();
}

#[rstest]
fn a_signal_ends_the_run_and_nothing_is_left(
    #[values(Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP)] ending: Signal,
) {
    let host = Host::new();
    let child = host.hanging_doctor();
    signal(child.id().cast_signed(), ending);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, b"");
    host.assert_clean();
}

/// A shell that becomes the doctor hands it its background jobs; systemd hands the main process of a
/// service with PAMName= the process that holds the login session.
#[test]
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
    assert_eq!(name, "sleep\n", "the job is gone: {state}");
    assert!(!state.contains(") T ") && !state.contains(") Z "), "{state}");
}

#[test]
fn when_the_doctor_is_killed_its_workers_clean_up() {
    let host = Host::new();
    let mut child = host.hanging_doctor();
    child.kill().unwrap();
    child.wait().unwrap();
    host.assert_clean();
}

#[test]
fn what_a_run_left_that_was_killed_with_its_workers_is_swept_by_the_next() {
    let host = Host::new();
    let mut child = host.hanging_doctor();
    // First all are stopped, so that none can clean up after another. A shell that is still on its
    // way to the lock may start a process meanwhile, or end.
    let mut all = BTreeSet::new();
    loop {
        let new: Vec<i32> = host.survivors().into_iter().filter(|pid| all.insert(*pid)).collect();
        if new.is_empty() {
            break;
        }
        for pid in new {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
    }
    for pid in all {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    child.wait().unwrap();
    let tmp = host.dir.path().join("tmp");
    assert!(!is_empty(&tmp), "the killed run could not clean up");
    let output = host.doctor(&["--skip", "lock"]).output().unwrap();
    assert_eq!(output.status.code(), Some(4), "nothing selected, and swept all the same");
    host.assert_clean();
}

/// Everything that a run could leave on a machine, as text: units of both managers, processes,
/// cgroups, files. The audit's own processes and what time alone changes are left out.
const AUDIT: &str = r#"
    export XDG_RUNTIME_DIR=/run/user/1000
    units() { systemctl "$@" list-units --all --plain --no-legend --full | awk '{print $1, $3}' | grep -vE '^(session-|run-|user-runtime|user@|dev-|sys-|proc-|systemd-(hostnamed|tmpfiles))' | sort; }
    echo '# user units'; units --user
    echo '# failed'; systemctl --user --failed --plain --no-legend
    echo '# processes'; ps -u agent -o args= | grep -vE '^(ps|grep|sh|awk|sort|/lib/systemd/systemd --user|/usr/lib/systemd/systemd --user|\(sd-pam\)|systemctl)' | sort
    echo '# cgroups'; find "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service" -type d | sort
    echo '# files'; find /tmp /var/tmp /dev/shm /home/agent /run/user/1000 ! -path '*/systemd/*' 2>/dev/null | sort
    echo '# linger'; ls /var/lib/systemd/linger
    echo '# units of the system'; systemctl list-units --all --plain --no-legend --full | grep -E 'launch_doctor|tmux' || :
    echo '# configuration'; cat ~/.gitconfig ~/.config/git/config ~/.tmux.conf ~/.config/tmux/tmux.conf 2>/dev/null || :
    echo '# journal'; journalctl -q -o short | grep -F launch_doctor | awk '{print $5}' | sed 's/\[.*//' | sort -u
"#;
/// What its user has set, so that it can be seen to stay so.
const CONFIGURE: &str = "git config --global user.name Agent; echo set -g status off >~/.tmux.conf";

#[rstest]
fn a_run_on_real_systemd_leaves_nothing_behind_however_it_ends(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    // With linger the manager stays, so that what a run leaves in it can be seen.
    machine.script("root", "loginctl enable-linger agent");
    machine.script("agent", CONFIGURE);
    // The first session makes what every session makes: a bus, its units.
    machine.agent(&["doctor", "check"]);
    let before = machine.script("agent", AUDIT);
    for (way, script) in [
        ("to its end", "doctor >/dev/null || true"),
        (
            "by its deadline",
            "for s in 0.02 0.05 0.2; do doctor --timeout $s >/dev/null || true; done",
        ),
        ("by a reader that hangs up", "doctor | true; doctor | head -n 1 >/dev/null"),
        ("by SIGINT", "timeout --foreground -s INT 0.05 doctor >/dev/null || true"),
        ("by SIGTERM", "timeout --foreground -s TERM 0.2 doctor >/dev/null || true"),
        ("by SIGHUP", "timeout --foreground -s HUP 0.4 doctor >/dev/null || true"),
        (
            "by SIGKILL",
            "timeout --foreground -s KILL 0.05 doctor >/dev/null || true; doctor >/dev/null || true",
        ),
    ] {
        machine.script("agent", script);
        // A manager hears of the end of a scope that is not the run's own, such as tmux's, a moment
        // after its last process is gone.
        let end = Instant::now() + BOUND;
        let mut after = machine.script("agent", AUDIT);
        while before != after && Instant::now() < end {
            after = machine.script("agent", AUDIT);
        }
        assert_eq!(before, after, "ended {way}, a run left something behind");
    }
}
