//! What logind does to a user's processes at logout and to idle sessions, as it runs now.

use super::account_name::account_name;
use super::logind::{Answer, INFINITY, Question, Subject, silence, time};
use crate::host::User;
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("a logout ends nothing that the system manager runs".into()));
    }
    let user = User::current();
    let settings = Question::ask(sandbox, Subject::Manager)?;
    let held = Question::ask(sandbox, Subject::User(user.uid))?;
    let (settings, held) = (settings.answer()?, held.answer()?);
    if !settings.is_known() {
        return Err(silence(sandbox, &settings.run, ""));
    }
    let name = account_name(sandbox, &user, &held)?;
    let policy = Policy::read(&settings, &name)
        .ok_or_else(|| Unable::Unmeasured("logind did not tell how it is set".into()))?;

    let mut measurement = Measurement::default();
    for (fact, value) in [
        ("kill-user-processes", if policy.kill { "yes" } else { "no" }),
        ("kill-only-users", policy.only.name()),
        ("kill-exclude-users", policy.exclude.name()),
        ("session-processes", if policy.kills(user.uid) { "killed" } else { "left" }),
        ("user-stop-delay", delay(policy.stop_delay)),
        ("idle-sessions", idle(policy.stop_idle)),
    ] {
        measurement.fact_from(fact, value, &settings.run);
    }
    measurement.detail("idle", policy.stop_idle.map(time).unwrap_or_default());
    measurement.detail("user", &name);
    measurement.summary = policy.summary();
    Ok(measurement)
}

/// The settings of logind that decide about a user.
struct Policy {
    kill: bool,
    only: Listing,
    exclude: Listing,
    /// In microseconds.
    stop_delay: u64,
    /// In microseconds; `None` where logind does not have it.
    stop_idle: Option<u64>,
}

/// Whether a list of users names the one that is examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Empty,
    Named,
    Others,
}

impl Listing {
    fn of(users: &[&str], name: &str) -> Self {
        match users {
            [] => Self::Empty,
            _ if users.contains(&name) => Self::Named,
            _ => Self::Others,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Named => "named",
            Self::Others => "others",
        }
    }
}

impl Policy {
    fn read(settings: &Answer, name: &str) -> Option<Self> {
        Some(Self {
            kill: settings.flag("KillUserProcesses")?,
            only: Listing::of(&settings.texts("KillOnlyUsers"), name),
            exclude: Listing::of(&settings.texts("KillExcludeUsers"), name),
            stop_delay: settings.number("UserStopDelayUSec")?,
            stop_idle: settings.number("StopIdleSessionUSec"),
        })
    }

    /// Whether logind kills what a session of the user leaves behind
    /// (systemd, src/login/logind-core.c, `manager_shall_kill`).
    fn kills(&self, uid: u32) -> bool {
        match (self.exclude, self.only) {
            (Listing::Named, _) => false,
            // Root is spared as long as nobody is named.
            (Listing::Empty, _) if uid == 0 => false,
            (_, Listing::Empty) => self.kill,
            (_, only) => only == Listing::Named,
        }
    }

    fn summary(&self) -> String {
        let users = |listing| match listing {
            Listing::Empty => "nobody",
            Listing::Named => "this user",
            Listing::Others => "others",
        };
        format!(
            "KillUserProcesses={}, KillOnlyUsers= names {}, KillExcludeUsers= names {}, \
             UserStopDelaySec={}, StopIdleSessionSec={}",
            if self.kill { "yes" } else { "no" },
            users(self.only),
            users(self.exclude),
            time(self.stop_delay),
            self.stop_idle.map_or("(not in this systemd)".into(), time)
        )
    }
}

fn delay(microseconds: u64) -> &'static str {
    match microseconds {
        0 => "none",
        INFINITY => "forever",
        _ => "seconds",
    }
}

fn idle(microseconds: Option<u64>) -> &'static str {
    match microseconds {
        None => "unsupported",
        Some(INFINITY) => "left",
        Some(_) => "ended",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kills(kill: bool, only: Listing, exclude: Listing, uid: u32) -> bool {
        Policy { kill, only, exclude, stop_delay: 0, stop_idle: None }.kills(uid)
    }

    #[test]
    fn who_is_excluded_is_spared_and_a_list_of_users_outweighs_the_switch() {
        use Listing::{Empty, Named, Others};
        assert!(!kills(false, Empty, Empty, 1000));
        assert!(kills(true, Empty, Empty, 1000));
        assert!(kills(false, Named, Empty, 1000));
        assert!(!kills(true, Others, Empty, 1000));
        assert!(!kills(true, Named, Named, 1000));
        assert!(kills(true, Empty, Others, 1000));
    }

    #[test]
    fn root_is_spared_until_others_are_excluded() {
        use Listing::{Empty, Named, Others};
        assert!(!kills(true, Named, Empty, 0));
        assert!(kills(true, Empty, Others, 0));
    }
}
