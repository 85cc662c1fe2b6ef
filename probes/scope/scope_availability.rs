//! Whether a transient scope of the user's manager can be started here, and if not, why not.

use std::time::{Duration, Instant};

use super::address::Address;
use super::borrowed_slices::BorrowedSlices;
use super::refusal::{refused, without_program};
use super::slice_word::{is_text, printable, suggested, unit};
use crate::host::{Cgroup, User};
use crate::sandbox::{Command, CommandError, Completed, Sandbox};
use crate::{Evidence, Measurement, Unable};

/// How long the launcher of the second document waits before it gives scopes up.
const BOUND: Duration = Duration::from_secs(5);
/// More than half of that is slow: the next, somewhat worse day it is too late.
const SLOW: Duration = Duration::from_millis(2500);

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        let reason = "it is about scopes of the user manager, and --manager system was given";
        return Err(Unable::Skipped(reason.into()));
    }
    let user = User::current();
    let address = Address::look(&user);
    let mut measurement = Measurement::default();
    describe(sandbox, &user, &mut measurement);

    if !is_text(&sandbox.slice()) {
        // Not even tried: the slice would be made, and nobody could list units any more.
        measurement.fact("available", "slice-no-text");
        measurement.summary =
            "no scope was started, because of what the slice's name stands for".into();
        return Ok(measurement);
    }

    let borrowed = BorrowedSlices::remember(sandbox);
    let started = Instant::now();
    let running = match scope(sandbox).arg("true").start() {
        Ok(running) => running,
        Err(error) => return Ok(without_program(&error, &address, measurement)),
    };
    // At the same time a second scope looks where it is.
    let looking = scope(sandbox).args(["cat", "/proc/self/cgroup"]).start()?;
    match running.wait() {
        Ok(run) if run.success() => {
            let cgroup = landed(sandbox, &looking.wait()?, &mut measurement)?;
            // Looked at twice: it may have been the doctor's own other launches that made it slow.
            let again = || scope(sandbox).arg("true").run();
            let is_slow = run.elapsed > SLOW && again().map_or(true, |run| run.elapsed > SLOW);
            measurement.fact_from("available", if is_slow { "slow" } else { "works" }, &run);
            measurement.fact_from("address", address.name(), &run);
            borrowed.give_back(&cgroup);
            let slice = match sandbox.settings.slice {
                Some(_) => measurement.details["landed"].as_str(),
                None => "a slice of its own",
            };
            let ms = run.elapsed.as_millis();
            measurement.summary = format!("a scope was started in {slice} within {ms} ms");
        }
        Ok(run) => refused(sandbox, &address, &run, &mut measurement)?,
        Err(CommandError::Deadline { .. }) if sandbox.deadline() > started + BOUND => {
            no_answer(sandbox, started.elapsed(), &mut measurement);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(measurement)
}

/// The command by which a launcher makes sure of scopes, without the words behind `--`.
fn scope(sandbox: &Sandbox) -> Command {
    in_slice(sandbox).args(["--collect", "--quiet", "--"]).within(BOUND)
}

fn in_slice(sandbox: &Sandbox) -> Command {
    sandbox.systemd_run().arg("--scope").arg(sandbox.slice_option())
}

/// The values of this host that the card speaks of.
fn describe(sandbox: &Sandbox, user: &User, measurement: &mut Measurement) {
    let variable = |name| printable(&std::env::var_os(name).unwrap_or_default());
    let slice = sandbox.slice();
    for (key, value) in [
        ("user", user.name.clone()),
        ("uid", user.uid.to_string()),
        ("home", user.runtime_dir().display().to_string()),
        ("runtime-dir", variable("XDG_RUNTIME_DIR")),
        ("bus-address", variable("DBUS_SESSION_BUS_ADDRESS")),
        ("slice", printable(&slice)),
        ("unit", printable(&unit(&slice))),
        ("suggested", suggested(&slice)),
    ] {
        measurement.detail(key, value);
    }
}

/// Tells where the second scope found itself.
fn landed(
    sandbox: &Sandbox,
    run: &Completed,
    measurement: &mut Measurement,
) -> Result<Cgroup, Unable> {
    let Some(cgroup) = Cgroup::parse(&run.text()).filter(|_| run.success()) else {
        return Err(Unable::Unmeasured(format!(
            "one scope was started, and another at the same time was not: {}",
            run.failure()
        )));
    };
    let slices = cgroup.user_slices();
    let slice = slices.last().copied().unwrap_or("-.slice");
    let value = if cgroup == Cgroup::of(std::process::id())? {
        "nowhere"
    } else if unit(&sandbox.slice()) == slice {
        "as-named"
    } else {
        "elsewhere"
    };
    measurement.detail("landed", slice);
    measurement.fact_from("landed", value, run);
    Ok(cgroup)
}

fn no_answer(sandbox: &Sandbox, elapsed: Duration, measurement: &mut Measurement) {
    let slice = printable(&sandbox.slice_option());
    let words = ["systemd-run", "--user", "--scope", &slice, "--collect", "--quiet", "--", "true"];
    measurement.fact("available", "no-answer");
    measurement.evidence.push(Evidence {
        fact: "available".into(),
        argv: words.map(str::to_owned).into(),
        exit: None,
        stderr: String::new(),
        ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    measurement.summary =
        format!("systemd-run had not ended after {:.1} s and was killed", elapsed.as_secs_f64());
}
