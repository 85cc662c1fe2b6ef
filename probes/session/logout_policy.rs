//! Measures what the running logind does to a user's processes at logout and to idle sessions.

use crate::fact_values;
use crate::host::logind::{USEC_INFINITY, time};
use crate::host::{KillPolicy, User, UserListMatch};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, YesNo};

const KILL_USER_PROCESSES: Fact<YesNo> = Fact::new("kill-user-processes");
const KILL_ONLY_USERS: Fact<Listed> = Fact::new("kill-only-users");
const KILL_EXCLUDE_USERS: Fact<Listed> = Fact::new("kill-exclude-users");
const SESSION_PROCESSES: Fact<Leftovers> = Fact::new("session-processes");
const USER_STOP_DELAY: Fact<StopDelay> = Fact::new("user-stop-delay");
const IDLE_SESSIONS: Fact<IdleSessions> = Fact::new("idle-sessions");
pub(crate) const FACTS: &[FactDecl] = &[
    KILL_USER_PROCESSES.decl(),
    KILL_ONLY_USERS.decl(),
    KILL_EXCLUDE_USERS.decl(),
    SESSION_PROCESSES.decl(),
    USER_STOP_DELAY.decl(),
    IDLE_SESSIONS.decl(),
];

fact_values! {
    /// Which users a list names.
    pub(crate) enum Listed {
        Empty = "empty",
        ThisUser = "named",
        OtherUsers = "others",
    }
}

fact_values! {
    /// What logind does to processes in the scope of a session that has ended.
    pub(crate) enum Leftovers {
        KeepRunning = "left",
        Killed = "killed",
    }
}

fact_values! {
    /// How long the user manager keeps running after the last session.
    pub(crate) enum StopDelay {
        Seconds = "seconds",
        Zero = "none",
        Infinity = "forever",
    }
}

fact_values! {
    /// What logind does to idle sessions.
    pub(crate) enum IdleSessions {
        KeepRunning = "left",
        Unsupported = "unsupported",
        Ended = "ended",
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        return Err(NotMeasured::Skipped("a logout ends no unit of the system manager".into()));
    }
    let user = User::current();
    let policy = KillPolicy::query(context.access(), &user)?;

    let mut measurement = Measurement::default();
    let leftovers = if policy.kills(user.uid) { Leftovers::Killed } else { Leftovers::KeepRunning };
    measurement.set_from(KILL_USER_PROCESSES, policy.kill.into(), &policy.run);
    measurement.set_from(KILL_ONLY_USERS, listed(policy.only), &policy.run);
    measurement.set_from(KILL_EXCLUDE_USERS, listed(policy.exclude), &policy.run);
    measurement.set_from(SESSION_PROCESSES, leftovers, &policy.run);
    measurement.set_from(USER_STOP_DELAY, stop_delay(policy.stop_delay), &policy.run);
    measurement.set_from(IDLE_SESSIONS, idle_sessions(policy.stop_idle), &policy.run);
    measurement.detail("delay", time(policy.stop_delay));
    measurement.detail("idle", policy.stop_idle.map(time).unwrap_or_default());
    measurement.detail("user", &policy.user);
    Ok(measurement)
}

fn listed(users: UserListMatch) -> Listed {
    match users {
        UserListMatch::Empty => Listed::Empty,
        UserListMatch::Named => Listed::ThisUser,
        UserListMatch::Others => Listed::OtherUsers,
    }
}

fn stop_delay(microseconds: u64) -> StopDelay {
    match microseconds {
        0 => StopDelay::Zero,
        USEC_INFINITY => StopDelay::Infinity,
        _ => StopDelay::Seconds,
    }
}

fn idle_sessions(microseconds: Option<u64>) -> IdleSessions {
    match microseconds {
        None => IdleSessions::Unsupported,
        Some(USEC_INFINITY) => IdleSessions::KeepRunning,
        Some(_) => IdleSessions::Ended,
    }
}
