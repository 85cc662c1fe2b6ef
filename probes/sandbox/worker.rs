use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::thread;

use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getppid, setsid};
use serde::{Deserialize, Serialize};

use super::cleaner::become_cleaner;
use super::isolation::{Sandbox, Units};
use super::private_dir::{make_dir, remove_dirs_in_places};
use super::process_tree::{kill_descendants, reap_children};
use super::run_id::RunId;
use super::settings::Settings;
use super::unit_removal::{PATIENCE, remove_units, remove_units_under_way};
use crate::measurement::{Measurement, Outcome, Unable};
use crate::probe::Probe;

/// What a worker reports.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// How its probe ended.
    pub(super) outcome: Outcome,
    /// Whether units of the probe's may still be there.
    pub(super) has_units: bool,
}

/// Takes one measurement in the calling process, which was forked for it, reports it to `results`
/// and ends the process.
///
/// The process has a session of its own, is the subreaper of all that the probe starts, and is told
/// by SIGTERM when the doctor dies. Whatever happens, it removes what the probe made; but the units
/// of a probe that ended well, which do not run any more, are left to the doctor, which removes all of
/// a run's at once.
pub(super) fn work(probe: &Probe, sandbox: &Sandbox, doctor: Pid, results: OwnedFd) -> ! {
    let _ = setsid();
    let _ = prctl::set_pdeathsig(Signal::SIGTERM);
    let _ = prctl::set_child_subreaper(true);
    if getppid() != doctor {
        end(1);
    }
    let guard = clean_up_on_request(sandbox, doctor);
    // The reason is reported as the outcome; the default hook would write it over the report.
    panic::set_hook(Box::new(|_| {}));
    let outcome = match guard {
        Ok(()) => measure(probe, sandbox),
        Err(error) => Outcome::Unable(Unable::Unmeasured(format!(
            "no thread could be started for it: {error}"
        ))),
    };
    let is_cut_short = matches!(outcome, Outcome::Unable(Unable::Unmeasured(_)));
    let report = Report { outcome, has_units: sandbox.units.get() > Units::None };
    if let Ok(bytes) = serde_json::to_vec(&report) {
        let _ = fs::File::from(results).write_all(&bytes);
    }
    let clean_up = CleanUp::of(sandbox);
    let CleanUp { unit_prefix, settings, .. } = &clean_up;
    clean_up.run(|killed| {
        if is_cut_short {
            let _ = remove_units_under_way(settings.manager, unit_prefix, killed);
        } else if sandbox.units.get() == Units::RunOn {
            let _ = remove_units(settings.manager, unit_prefix, PATIENCE);
        }
    });
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

/// Starts the thread that answers SIGTERM with a clean-up and the end. The signal is blocked in
/// every thread, so only that one takes it.
fn clean_up_on_request(sandbox: &Sandbox, doctor: Pid) -> io::Result<()> {
    let mut signals = SigSet::empty();
    signals.add(Signal::SIGTERM);
    let clean_up = CleanUp::of(sandbox);
    let wait = move || {
        if signals.wait().is_ok() {
            // Where the doctor is dead, the last workers take along what others have left to it.
            let of_run = format!("{}_", clean_up.run);
            let is_orphan = getppid() != doctor;
            let prefix = if is_orphan { &of_run } else { &clean_up.unit_prefix };
            let manager = clean_up.settings.manager;
            clean_up.run(|killed| {
                let _ = remove_units_under_way(manager, prefix, killed);
            });
            let _ = clean_up.dir.parent().map(fs::remove_dir);
            end(1);
        }
    };
    thread::Builder::new().spawn(wait).map(drop)
}

/// What has to be removed after a probe, whatever became of it.
struct CleanUp {
    settings: Settings,
    run: RunId,
    probe: String,
    unit_prefix: String,
    dir: PathBuf,
}

impl CleanUp {
    fn of(sandbox: &Sandbox) -> Self {
        Self {
            settings: sandbox.settings.clone(),
            run: sandbox.run.clone(),
            probe: sandbox.probe.to_owned(),
            unit_prefix: sandbox.unit_prefix(),
            dir: sandbox.dir.to_owned(),
        }
    }

    /// Ends all processes below the caller, has units removed, and removes the probe's directories.
    /// `remove_units` is told which processes were killed.
    fn run(&self, remove_units: impl FnOnce(&BTreeSet<Pid>)) {
        become_cleaner();
        remove_units(&kill_descendants(Pid::this(), &BTreeSet::new()));
        kill_descendants(Pid::this(), &BTreeSet::new());
        reap_children();
        let _ = fs::remove_dir_all(&self.dir);
        let run_dir = self.dir.parent().unwrap_or(&self.dir);
        remove_dirs_in_places(&self.settings, &self.run, &self.probe, run_dir);
    }
}
