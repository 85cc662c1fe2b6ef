//! In which unit each running tmux server lives, and what would end it there.

use super::server_home::{Kind, ServerHome};
use crate::host::{LogoutPolicy, User, is_booted_with_systemd, tmux_sockets};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// The fact.
const HOME: &str = "home";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !is_booted_with_systemd() {
        return Err(Unable::Skipped(
            "PID 1 of this host is not systemd, so it has no units".into(),
        ));
    }
    let user = User::current();
    let mut homes = Vec::new();
    for socket in tmux_sockets(user.uid)? {
        homes.extend(ServerHome::find(sandbox, socket)?);
    }
    let mut measurement = Measurement::default();
    let worst = homes.iter().map(|home| home.kind).max();
    let ends_with_session = homes.iter().any(|home| home.kind == Kind::Session)
        && are_leftovers_killed(sandbox, &user, &mut measurement);
    measurement.fact(HOME, word(worst, ends_with_session));
    for run in homes.iter().flat_map(|home| &home.evidence) {
        measurement.evidence.push(run.evidence(HOME));
    }
    let is_troubled = |home: &&ServerHome| match home.kind {
        Kind::Own | Kind::Spared => false,
        Kind::Session => ends_with_session,
        Kind::Shared | Kind::Service => true,
    };
    let troubled: Vec<&ServerHome> = homes.iter().filter(is_troubled).collect();
    measurement.detail("troubled", shown(troubled.iter().copied()));
    measurement.list("pid", troubled.iter().map(|home| home.socket.pid.to_string()));
    measurement.summary = match homes.len() {
        0 => "no tmux server runs".to_owned(),
        _ => shown(&homes),
    };
    Ok(measurement)
}

/// The word on the card for the worst home.
fn word(worst: Option<Kind>, ends_with_session: bool) -> &'static str {
    match worst {
        None => "none",
        Some(_) if ends_with_session => "killed-session",
        Some(Kind::Own) => "own-unit",
        Some(Kind::Session) => "session",
        Some(Kind::Spared) => "sparing-service",
        Some(Kind::Shared) => "shared-scope",
        Some(Kind::Service) => "service",
    }
}

fn shown<'a>(homes: impl IntoIterator<Item = &'a ServerHome>) -> String {
    let shown = homes.into_iter().map(|home| {
        let unit = if home.unit.is_empty() { "no unit" } else { &home.unit };
        format!("{} (process {}) lives in {unit}", home.socket.path.display(), home.socket.pid)
    });
    shown.collect::<Vec<_>>().join("; ")
}

/// Whether logind kills what a session of this user leaves behind. Where that cannot be measured,
/// logout-policy says so.
fn are_leftovers_killed(sandbox: &Sandbox, user: &User, measurement: &mut Measurement) -> bool {
    let Ok(policy) = LogoutPolicy::ask(sandbox, user) else { return false };
    measurement.evidence.push(policy.run.evidence(HOME));
    policy.kills(user.uid)
}
