//! Measures whether lingering is enabled for the user, by logind and by its file, and whether the
//! user may enable it.

use super::support::linger_file::{FileState, LingerFile};
use super::support::polkit::{Authorization, PolkitQuery};
use crate::fact_values;
use crate::host::User;
use crate::host::account_name;
use crate::host::logind::{Object, Query, USEC_INFINITY, time, unreachable_reason};
use crate::sandbox::ProbeContext;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};

const LOGIND: Fact<LogindState> = Fact::new("logind");
const FILE: Fact<FileState> = Fact::new("file");
const AGREEMENT: Fact<Agreement> = Fact::new("agreement");
const LINGERS: Fact<Lingers> = Fact::new("lingers");
const MAY_ENABLE: Fact<MayEnable> = Fact::new("may-enable");
pub(crate) const FACTS: &[FactDecl] =
    &[LOGIND.decl(), FILE.decl(), AGREEMENT.decl(), LINGERS.decl(), MAY_ENABLE.decl()];

fact_values! {
    /// The `Linger` property of logind's user object; absent if logind has no such object.
    pub(crate) enum LogindState {
        On = "on",
        Off = "off",
        Absent = "absent",
    }
}

fact_values! {
    /// Whether logind and the file agree.
    pub(crate) enum Agreement {
        Agree = "agree",
        Unknown = "unknown",
        /// The file exists, and logind has not read it yet.
        NotTakenUp = "not-taken-up",
        /// logind reads another file.
        OtherFile = "other-file",
    }
}

fact_values! {
    /// Whether the user's units outlive the last session.
    pub(crate) enum Lingers {
        Yes = "yes",
        Later = "later",
        UntilReboot = "until-reboot",
        No = "no",
    }
}

fact_values! {
    /// Whether the user may enable lingering.
    pub(crate) enum MayEnable {
        Yes = "yes",
        WithPassword = "password",
        OnlyRoot = "root",
    }
}

/// What logind asks polkit for when users enable lingering for themselves.
const ACTION: &str = "org.freedesktop.login1.set-self-linger";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        return Err(NotMeasured::Skipped("the system manager needs no lingering".into()));
    }
    let user = User::current();
    let object = Query::start(context.access(), Object::User(user.uid))?;
    let query = PolkitQuery::start(context, ACTION)?;
    let object = object.wait()?;

    let name = account_name(context.access(), &user, &object)?;
    let file = LingerFile::of(&name);
    let file_state = file.state();
    let logind = match object.get_bool("Linger") {
        Some(true) => LogindState::On,
        Some(false) => LogindState::Off,
        None => LogindState::Absent,
    };
    let stop_delay = match logind {
        // logind does not stop the user's manager at all.
        LogindState::On => 0,
        LogindState::Off | LogindState::Absent => {
            let daemon = Query::start(context.access(), Object::Manager)?.wait()?;
            if !daemon.is_known() {
                let known = describe_file(&file, file_state);
                return Err(unreachable_reason(context.access(), &daemon.run, &known).into());
            }
            daemon.get_u64("UserStopDelayUSec").unwrap_or_default()
        }
    };
    let lingers = lingers(logind, file_state, stop_delay).ok_or_else(|| {
        NotMeasured::Unmeasured(format!(
            "logind has no user {name}, and {} cannot be read",
            file.path()
        ))
    })?;

    let mut measurement = Measurement::default();
    measurement.set_from(LOGIND, logind, &object.run);
    measurement.set_from(FILE, file_state, &file.evidence(context)?);
    measurement.set(AGREEMENT, agreement(logind, file_state));
    measurement.set_from(LINGERS, lingers, &object.run);
    let (authorization, run) = query.wait()?;
    if user.uid == 0 {
        // logind does not ask polkit about root.
        measurement.set_from(MAY_ENABLE, MayEnable::Yes, &context.command("id").arg("-u").run()?);
    } else {
        let may_enable = match authorization {
            Authorization::Granted => MayEnable::Yes,
            Authorization::WithPassword => MayEnable::WithPassword,
            Authorization::Refused => MayEnable::OnlyRoot,
        };
        measurement.set_from(MAY_ENABLE, may_enable, &run);
    }
    measurement.detail("user", as_argument(&name, user.uid));
    measurement.detail("uid", user.uid.to_string());
    measurement.detail("file", file.path());
    measurement.detail("delay", time(stop_delay));
    Ok(measurement)
}

/// Returns a user as loginctl accepts one: by name, unless loginctl would read that as an option or
/// as an id.
pub(crate) fn as_argument(name: &str, uid: u32) -> String {
    let is_name = !name.starts_with('-') && !name.bytes().all(|byte| byte.is_ascii_digit());
    if is_name { name.to_owned() } else { uid.to_string() }
}

fn agreement(logind: LogindState, file: FileState) -> Agreement {
    match (logind, file) {
        (_, FileState::Unreadable) => Agreement::Unknown,
        (LogindState::On, FileState::Present)
        | (LogindState::Off | LogindState::Absent, FileState::Absent) => Agreement::Agree,
        (LogindState::Absent, FileState::Present) => Agreement::NotTakenUp,
        _ => Agreement::OtherFile,
    }
}

/// Returns whether the user's units outlive the last session. For a user whom logind does not know,
/// the file decides, and only from the next login or boot on.
fn lingers(logind: LogindState, file: FileState, stop_delay: u64) -> Option<Lingers> {
    match (logind, file) {
        (LogindState::On, _) => Some(Lingers::Yes),
        (LogindState::Absent, FileState::Present) => Some(Lingers::Later),
        (LogindState::Absent, FileState::Unreadable) => None,
        _ if stop_delay == USEC_INFINITY => Some(Lingers::UntilReboot),
        _ => Some(Lingers::No),
    }
}

fn describe_file(file: &LingerFile, state: FileState) -> String {
    let path = file.path();
    match state {
        FileState::Present => format!("; {path} exists, so lingering would be enabled with logind"),
        FileState::Absent => format!("; {path} does not exist, so lingering would be disabled"),
        FileState::Unreadable => format!("; {path} cannot be read"),
    }
}
