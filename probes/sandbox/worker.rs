use std::any::Any;
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::thread;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, setsid};

use super::isolation::Sandbox;
use super::process_tree::{kill_descendants, reap_children};
use super::residue::remove_units;
use crate::measurement::{Measurement, Outcome, Unable};
use crate::probe::Probe;

/// Takes one measurement in the calling process, which was forked for it, reports it to `results`
/// and ends the process.
///
/// The process has a session of its own, is the subreaper of all that the probe starts, and is told
/// by SIGTERM when the doctor dies. Whatever happens, it removes what the probe made.
pub(super) fn work(probe: &Probe, sandbox: &Sandbox, doctor: Pid, results: OwnedFd) -> ! {
    let _ = setsid();
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    let _ = prctl::set_child_subreaper(true);
    if getppid() != doctor {
        end(1);
    }
    clean_up_on_request(sandbox);
    // The reason is reported as the outcome; the default hook would write it over the report.
    panic::set_hook(Box::new(|_| {}));
    let outcome = measure(probe, sandbox);
    if let Ok(bytes) = serde_json::to_vec(&outcome) {
        let _ = fs::File::from(results).write_all(&bytes);
    }
    clean_up(sandbox.settings.manager, &unit_prefix(sandbox), sandbox.dir);
    end(0);
}

/// Ends the process without the exit handlers and buffers that it shares with the doctor.
fn end(status: i32) -> ! {
    // SAFETY: _exit(2) takes an integer and does not return.
    unsafe { libc::_exit(status) }
}

fn measure(probe: &Probe, sandbox: &Sandbox) -> Outcome {
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| -> Result<Measurement, Unable> {
        make_dir(sandbox.dir)?;
        (probe.measure)(sandbox)
    }));
    match attempt {
        Ok(Ok(measurement)) => Outcome::Measured(measurement),
        Ok(Err(unable)) => Outcome::Unable(unable),
        Err(payload) => Outcome::Unable(Unable::Unmeasured(format!(
            "the probe itself broke, which is a defect of the doctor: {}",
            panic_text(&*payload)
        ))),
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message")
}

/// Makes a directory that only its owner can enter; fails if anything has that name already.
pub(super) fn make_dir(path: &Path) -> Result<(), Unable> {
    DirBuilder::new().mode(0o700).create(path).map_err(|error: io::Error| {
        Unable::Unmeasured(format!("{} could not be made: {error}", path.display()))
    })
}

/// Starts the thread that answers SIGTERM with a clean-up and the end. The signal is blocked in
/// every thread, so only that one takes it.
fn clean_up_on_request(sandbox: &Sandbox) {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    let manager = sandbox.settings.manager;
    let prefix = unit_prefix(sandbox);
    let dir = sandbox.dir.to_owned();
    thread::spawn(move || {
        if signals.wait().is_ok() {
            clean_up(manager, &prefix, &dir);
            // Where the doctor is dead, the last worker takes the run's directory along.
            let _ = dir.parent().map(fs::remove_dir);
            end(1);
        }
    });
}

fn unit_prefix(sandbox: &Sandbox) -> String {
    sandbox.unit_name("", "").trim_end_matches('.').to_owned()
}

/// Ends all processes below the caller, then removes the units under `prefix` and the directory.
fn clean_up(manager: super::Manager, prefix: &str, dir: &Path) {
    kill_descendants(Pid::this());
    let _ = remove_units(manager, prefix);
    kill_descendants(Pid::this());
    reap_children();
    let _ = fs::remove_dir_all(dir);
}
