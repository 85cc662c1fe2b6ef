use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::availability::{AVAILABLE, Availability};
use super::user_manager_units::{UserManagerUnits, describe_state, is_masked, last_error};
use crate::host::logind::{Object, Properties, Query};
use crate::host::{
    SocketState, UnitProperties, User, account_name, are_inotify_instances_used_up, blocks_signal,
    expired_on, has_account, hiding_mount, inotify_instance_limit, mount_namespace,
};
use crate::sandbox::{Measurement, NotMeasured, ProbeContext};

/// How long the socket of a running manager may be closed. A daemon-reexec closes it for up to 0.2 s on a busy host
/// (lab: systemd 247, 252, 262), and a daemon-reload never.
const REEXEC_TIMEOUT: Duration = Duration::from_millis(500);
/// The signal `SIGRTMIN+25`, by which a manager re-executes itself (systemd(1); 252 and later, not 247).
const REEXEC_SIGNAL: i32 = 34 + 25;
/// Where logind keeps a file for each lingering user (systemd, src/login/logind-user.c).
const LINGER_DIR: &str = "/var/lib/systemd/linger";
/// The class of the session that logind opens for a user manager itself (systemd 257 and later).
const MANAGER_CLASS: &str = "manager";

/// Waits until the manager's socket in `runtime_dir` answers. Says whether it does.
pub(crate) fn listens_again(runtime_dir: &Path) -> bool {
    let socket = runtime_dir.join("systemd/private");
    let deadline = Instant::now() + REEXEC_TIMEOUT;
    // There is no event for a process that begins to listen on a socket's file.
    while Instant::now() < deadline {
        if SocketState::of(&socket) == SocketState::Live {
            return true;
        }
    }
    false
}

/// Returns why no user manager listens in the user's runtime directory, by what PID 1 and logind say; `None` if it
/// listens again. `inferred` is what the sockets alone show.
pub(crate) fn diagnose_missing_manager(
    context: &ProbeContext,
    user: &User,
    inferred: Availability,
    measurement: &mut Measurement,
) -> Result<Option<Availability>, NotMeasured> {
    let Ok(units) = UserManagerUnits::read(context, user.uid) else {
        for (key, text) in [
            ("unit-state", "unknown, because PID 1 does not answer"),
            ("unit-log", ""),
            ("sessions", "no known session"),
            ("linger", "unknown"),
        ] {
            measurement.detail(key, text);
        }
        measurement.list("linger-user", Some(user.name.clone()));
        // The system bus of some releases serves only users with an account.
        let has_account = has_account(context.access(), user.uid)?;
        return Ok(Some(if has_account { inferred } else { Availability::NoAccount }));
    };
    measurement.add_evidence(AVAILABLE.name(), &units.run);
    quote(context, &units.manager, measurement);
    match units.manager.get("ActiveState") {
        "deactivating" => return Ok(Some(Availability::UserManagerStopping)),
        "activating" => return Ok(Some(Availability::UserManagerStarting)),
        "active" | "reloading" if listens_again(&user.runtime_dir()) => return Ok(None),
        "active" | "reloading" => {
            return Ok(Some(unreachable_directory(&units, user, measurement)));
        }
        _ => {}
    }
    let logged_in = Query::start(context.access(), Object::User(user.uid))?.wait()?;
    let name = account_name(context.access(), user, &logged_in)?;
    let lingers = logged_in.get_bool("Linger").unwrap_or(false)
        || fs::metadata(Path::new(LINGER_DIR).join(&name)).is_ok();
    measurement.list("linger-user", (!lingers).then_some(name));
    measurement.detail("linger", if lingers { "enabled" } else { "disabled" });
    let classes = session_classes(context, &logged_in)?;
    let sessions = match classes.join(", ") {
        none if none.is_empty() => "no session".to_owned(),
        classes => format!("a session of class {classes}"),
    };
    measurement.detail("sessions", sessions);

    if let Some(unit) = units.masked() {
        record_masked(context, unit, measurement);
        return Ok(Some(Availability::UserManagerMasked));
    }
    if !has_account(context.access(), user.uid)? {
        return Ok(Some(Availability::NoAccount));
    }
    if is_masked(&units.logind) {
        record_masked(context, &units.logind, measurement);
        return Ok(Some(Availability::LogindMasked));
    }
    if are_inotify_instances_used_up() {
        let limit = inotify_instance_limit().unwrap_or_default();
        measurement.detail("inotify-limit", limit.to_string());
        measurement.detail("more-inotify", limit.saturating_mul(4).max(1024).to_string());
        return Ok(Some(Availability::InotifyUsedUp));
    }
    if let Some(unit) = units.failed() {
        quote(context, unit, measurement);
        return Ok(Some(refusal(context, user, &units, measurement)));
    }
    Ok(Some(if classes.iter().any(|class| !starts_manager(class)) {
        Availability::SessionWithoutManager
    } else {
        inferred
    }))
}

/// Returns why a running manager cannot be reached in the runtime directory.
fn unreachable_directory(
    units: &UserManagerUnits,
    user: &User,
    measurement: &mut Measurement,
) -> Availability {
    let pid = units.main_pid().unwrap_or_default();
    let of_manager = mount_namespace(pid);
    if of_manager.is_some() && of_manager != mount_namespace("self") {
        return Availability::RuntimeDirOtherNamespace;
    }
    if let Some(mount) = hiding_mount(&user.runtime_dir()) {
        measurement.detail("hiding-mount", mount.display().to_string());
        return Availability::RuntimeDirHidden;
    }
    match blocks_signal(pid, REEXEC_SIGNAL) {
        Some(true) => Availability::RuntimeDirEmptied,
        _ => Availability::RuntimeDirEmptiedForGood,
    }
}

/// Returns why the user manager failed to start.
fn refusal(
    context: &ProbeContext,
    user: &User,
    units: &UserManagerUnits,
    measurement: &mut Measurement,
) -> Availability {
    if units.is_refused_by_pam()
        && let Ok((Some(day), run)) = expired_on(context.access(), &user.name)
    {
        measurement.add_evidence(AVAILABLE.name(), &run);
        measurement.detail("expired", day);
        return Availability::AccountExpired;
    }
    Availability::UserManagerFailed
}

/// Records a unit, its state and its last error for the card's texts.
fn quote(context: &ProbeContext, unit: &UnitProperties, measurement: &mut Measurement) {
    let error = last_error(context, unit);
    measurement.detail("failing-unit", unit.get("Id"));
    measurement.detail("unit-state", describe_state(unit));
    let log = error.map_or_else(String::new, |line| format!(" and logged `{line}`"));
    measurement.detail("unit-log", log);
}

/// Records a masked unit, and how it was masked.
pub(crate) fn record_masked(
    context: &ProbeContext,
    unit: &UnitProperties,
    measurement: &mut Measurement,
) {
    quote(context, unit, measurement);
    let name = unit.get("Id").to_owned();
    let is_runtime = unit.get("UnitFileState") == "masked-runtime";
    measurement.list("masked-unit", (!is_runtime).then(|| name.clone()));
    measurement.list("masked-runtime-unit", is_runtime.then_some(name));
}

/// Returns the classes of the user's sessions, without the manager's own.
fn session_classes(
    context: &ProbeContext,
    logged_in: &Properties,
) -> Result<Vec<String>, NotMeasured> {
    let ids = logged_in.session_ids();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let run = context
        .command("loginctl")
        .args(["show-session", "--property=Class", "--value", "--"])
        .args(ids)
        .run()?;
    let mut classes: Vec<String> = run
        .stdout_text()
        .lines()
        .filter(|class| !class.is_empty() && !class.starts_with(MANAGER_CLASS))
        .map(str::to_owned)
        .collect();
    classes.sort();
    classes.dedup();
    Ok(classes)
}

/// Reports whether logind starts a user manager for a session of this class (systemd, src/login/logind-session.h,
/// `SESSION_CLASS_WANTS_SERVICE_MANAGER`, 257 and later; earlier ones start it for each class).
fn starts_manager(class: &str) -> bool {
    !class.ends_with("-light")
}
