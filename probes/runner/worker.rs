use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, setsid};
use serde::{Deserialize, Serialize};

use super::Probe;
use super::cleanup::{MANAGER_TIMEOUT, remove_pending_units, remove_units};
use crate::exec::name_limit;
use crate::exec::process_tree::{kill_descendants, reap_children};
use crate::exec::spawn_lock::block_spawning;
use crate::sandbox::run_dir::{make_dir, remove_probe_dirs};
use crate::sandbox::{
    Measurement, NotMeasured, Outcome, ProbeContext, RunId, Settings, UnitCleanup,
};

/// What a worker sends to the doctor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerResult {
    /// The outcome of its probe.
    pub(crate) outcome: Outcome,
    /// Whether units of the probe may be left.
    pub(crate) has_units: bool,
}

/// Runs one probe in the calling process, which was forked for it, writes the result to `results` and
/// exits.
///
/// The process leads its own session, is the subreaper of all that the probe starts, and gets SIGTERM
/// when the doctor dies. It removes what the probe created, except the ended units of a probe that ended
/// normally: the doctor removes those of all probes by one request.
pub(crate) fn run_worker(
    probe: &Probe,
    context: &ProbeContext,
    doctor: Pid,
    results: OwnedFd,
) -> ! {
    let _ = setsid();
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    let _ = prctl::set_child_subreaper(true);
    if getppid() != doctor {
        exit_now(1);
    }
    let guard = clean_up_on_sigterm(context, doctor);
    // The outcome carries the panic's message. The default hook would print it into the report.
    panic::set_hook(Box::new(|_| {}));
    let outcome = match guard {
        Ok(()) => measure(probe, context),
        Err(error) => Outcome::NotMeasured(NotMeasured::Unmeasured(format!(
            "the worker's thread could not be started: {}",
            name_limit(error)
        ))),
    };
    let is_unmeasured = matches!(outcome, Outcome::NotMeasured(NotMeasured::Unmeasured(_)));
    let result = WorkerResult { outcome, has_units: context.units.get() > UnitCleanup::None };
    if let Ok(bytes) = serde_json::to_vec(&result) {
        let _ = fs::File::from(results).write_all(&bytes);
    }
    let clean_up = CleanUp::of(context);
    let CleanUp { unit_prefix, settings, .. } = &clean_up;
    clean_up.run(|killed| {
        if is_unmeasured {
            let _ = remove_pending_units(settings.manager, unit_prefix, killed, deadline());
        } else if context.units.get() == UnitCleanup::ByWorker {
            let _ = remove_units(settings.manager, unit_prefix, deadline());
        }
    });
    exit_now(0);
}

/// Exits without running exit handlers and flushing buffers, which are copies of the doctor's.
fn exit_now(status: i32) -> ! {
    // SAFETY: _exit(2) takes an integer and does not return.
    unsafe { libc::_exit(status) }
}

fn measure(probe: &Probe, context: &ProbeContext) -> Outcome {
    let attempt = panic::catch_unwind(AssertUnwindSafe(|| -> Result<Measurement, NotMeasured> {
        make_dir(context.dir)?;
        match probe.measure {
            Some(measure) => measure(context),
            None => Err(NotMeasured::Skipped("it is measured in the lab only".into())),
        }
    }));
    match attempt {
        Ok(Ok(measurement)) => Outcome::Measured(measurement),
        Ok(Err(reason)) => Outcome::NotMeasured(reason),
        Err(payload) => Outcome::NotMeasured(NotMeasured::Unmeasured(format!(
            "internal error in this probe, please report it: {}",
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

/// Starts the thread that cleans up and exits on SIGTERM. The signal is blocked in all other threads.
fn clean_up_on_sigterm(context: &ProbeContext, doctor: Pid) -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    let clean_up = CleanUp::of(context);
    let wait = move || {
        if signals.wait().is_ok() {
            // Without a doctor the last workers also remove what earlier ones left to it.
            let of_run = format!("{}_", clean_up.run);
            let is_orphan = getppid() != doctor;
            let prefix = if is_orphan { &of_run } else { &clean_up.unit_prefix };
            let manager = clean_up.settings.manager;
            clean_up.run(|killed| {
                let _ = remove_pending_units(manager, prefix, killed, deadline());
            });
            let _ = clean_up.dir.parent().map(fs::remove_dir);
            exit_now(1);
        }
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// Returns until when the worker's clean-up waits for the manager.
fn deadline() -> Instant {
    Instant::now() + MANAGER_TIMEOUT
}

/// What has to be removed after a probe, however it ended.
struct CleanUp {
    settings: Settings,
    run: RunId,
    probe: String,
    unit_prefix: String,
    dir: PathBuf,
}

impl CleanUp {
    fn of(context: &ProbeContext) -> Self {
        Self {
            settings: context.settings.clone(),
            run: context.run.clone(),
            probe: context.probe.to_owned(),
            unit_prefix: context.unit_prefix(),
            dir: context.dir.to_owned(),
        }
    }

    /// Kills all descendants of the caller, calls `remove_units` with them, and removes the probe's
    /// directories.
    fn run(&self, remove_units: impl FnOnce(&BTreeSet<Pid>)) {
        block_spawning();
        remove_units(&kill_descendants(Pid::this(), &BTreeSet::new()));
        kill_descendants(Pid::this(), &BTreeSet::new());
        reap_children();
        let _ = fs::remove_dir_all(&self.dir);
        let run_dir = self.dir.parent().unwrap_or(&self.dir);
        remove_probe_dirs(&self.settings, &self.run, &self.probe, run_dir);
    }
}
