//! Whether the user lingers, by logind and by its file, and whether the user may switch it on.

use super::authorization::{Authorization, Request};
use super::linger_file::{LingerFile, Presence};
use crate::host::User;
use crate::host::account_name;
use crate::host::logind::{INFINITY, Question, Subject, silence, time};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// What logind asks polkit for when users switch on lingering for themselves.
const ACTION: &str = "org.freedesktop.login1.set-self-linger";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("the system manager needs no lingering".into()));
    }
    let user = User::current();
    let held = Question::ask(sandbox, Subject::User(user.uid))?;
    let request = Request::ask(sandbox, ACTION)?;
    let held = held.answer()?;

    let name = account_name(sandbox, &user, &held)?;
    let file = LingerFile::of(&name);
    let presence = file.presence();
    let logind = match held.flag("Linger") {
        Some(true) => "on",
        Some(false) => "off",
        None => "absent",
    };
    let stop_delay = match logind {
        // Then the user's manager is not stopped at all.
        "on" => 0,
        _ => {
            let daemon = Question::ask(sandbox, Subject::Manager)?.answer()?;
            if !daemon.is_known() {
                return Err(silence(sandbox, &daemon.run, &what_the_file_says(&file, presence)));
            }
            daemon.number("UserStopDelayUSec").unwrap_or_default()
        }
    };
    let lingers = lingers(logind, presence, stop_delay).ok_or_else(|| {
        Unable::Unmeasured(format!(
            "logind does not hold {name}, and {} cannot be looked at",
            file.path()
        ))
    })?;

    let mut measurement = Measurement::default();
    measurement.fact_from("logind", logind, &held.run);
    let from_file = match presence {
        Presence::There => "there",
        Presence::Absent => "absent",
        Presence::Hidden => "hidden",
    };
    measurement.fact_from("file", from_file, &file.evidence(sandbox)?);
    measurement.fact("agreement", agreement(logind, presence));
    measurement.fact_from("lingers", lingers, &held.run);
    let (authorization, run) = request.answer()?;
    if user.uid == 0 {
        // logind does not even ask polkit about root.
        measurement.fact_from("may-enable", "yes", &sandbox.command("id").arg("-u").run()?);
    } else {
        let may = match authorization {
            Authorization::Granted => "yes",
            Authorization::WithPassword => "password",
            Authorization::Refused => "root",
        };
        measurement.fact_from("may-enable", may, &run);
    }
    measurement.detail("user", as_argument(&name, user.uid));
    measurement.detail("uid", user.uid.to_string());
    measurement.detail("file", file.path());
    measurement.detail("delay", time(stop_delay));
    measurement.summary = summary(&measurement, &name);
    Ok(measurement)
}

/// A user as loginctl takes one: by name, unless that would be read as an option or as an id.
pub(crate) fn as_argument(name: &str, uid: u32) -> String {
    let is_name = !name.starts_with('-') && !name.bytes().all(|byte| byte.is_ascii_digit());
    if is_name { name.to_owned() } else { uid.to_string() }
}

fn agreement(logind: &str, file: Presence) -> &'static str {
    match (logind, file) {
        (_, Presence::Hidden) => "unknown",
        ("on", Presence::There) | ("off" | "absent", Presence::Absent) => "agree",
        ("absent", Presence::There) => "not-taken-up",
        _ => "other-file",
    }
}

/// For a user whom logind does not hold, the file decides, and only from the next login or boot on.
fn lingers(logind: &str, file: Presence, stop_delay: u64) -> Option<&'static str> {
    match (logind, file) {
        ("on", _) => Some("yes"),
        ("absent", Presence::There) => Some("later"),
        ("absent", Presence::Hidden) => None,
        _ if stop_delay == INFINITY => Some("until-reboot"),
        _ => Some("no"),
    }
}

fn what_the_file_says(file: &LingerFile, presence: Presence) -> String {
    let path = file.path();
    match presence {
        Presence::There => format!("; {path} is there, so the user would linger once logind runs"),
        Presence::Absent => format!("; there is no {path}, so the user would not linger with one"),
        Presence::Hidden => format!("; {path} cannot be looked at"),
    }
}

fn summary(measurement: &Measurement, name: &str) -> String {
    let facts = &measurement.facts;
    let logind = match facts["logind"].as_str() {
        "on" => format!("logind says that {name} lingers"),
        "off" => format!("logind says that {name} does not linger"),
        _ => format!("logind holds no {name}, who is neither logged in nor lingering"),
    };
    let file = match facts["file"].as_str() {
        "there" => "its file is there",
        "absent" => "its file is not there",
        _ => "its file cannot be looked at",
    };
    let may = match facts["may-enable"].as_str() {
        "yes" => "may switch it on",
        "password" => "may switch it on with a password",
        _ => "may not switch it on",
    };
    format!("{logind}; {file}; {name} {may}")
}
