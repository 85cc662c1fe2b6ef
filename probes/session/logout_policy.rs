//! What logind does to a user's processes at logout and to idle sessions, as it runs now.

use crate::host::logind::{INFINITY, time};
use crate::host::{Listing, LogoutPolicy, User};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("a logout ends nothing that the system manager runs".into()));
    }
    let user = User::current();
    let policy = LogoutPolicy::ask(sandbox, &user)?;

    let mut measurement = Measurement::default();
    for (fact, value) in [
        ("kill-user-processes", if policy.kill { "yes" } else { "no" }),
        ("kill-only-users", name(policy.only)),
        ("kill-exclude-users", name(policy.exclude)),
        ("session-processes", if policy.kills(user.uid) { "killed" } else { "left" }),
        ("user-stop-delay", delay(policy.stop_delay)),
        ("idle-sessions", idle(policy.stop_idle)),
    ] {
        measurement.fact_from(fact, value, &policy.run);
    }
    measurement.detail("idle", policy.stop_idle.map(time).unwrap_or_default());
    measurement.detail("user", &policy.user);
    measurement.summary = summary(&policy);
    Ok(measurement)
}

/// The word on the card for whether a list names the user.
fn name(listing: Listing) -> &'static str {
    match listing {
        Listing::Empty => "empty",
        Listing::Named => "named",
        Listing::Others => "others",
    }
}

fn summary(policy: &LogoutPolicy) -> String {
    let users = |listing| match listing {
        Listing::Empty => "nobody",
        Listing::Named => "this user",
        Listing::Others => "others",
    };
    format!(
        "KillUserProcesses={}, KillOnlyUsers= names {}, KillExcludeUsers= names {}, \
         UserStopDelaySec={}, StopIdleSessionSec={}",
        if policy.kill { "yes" } else { "no" },
        users(policy.only),
        users(policy.exclude),
        time(policy.stop_delay),
        policy.stop_idle.map_or("(not in this systemd)".into(), time)
    )
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
